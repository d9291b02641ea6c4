// The graph: closed modules are single boxes, so that what is laid out stays small.
const { dagre, select, zoom, zoomIdentity } = globalThis.vendor;
const opened = new Set([ROOT]);
const svg = select(byId("graph"));
svg.append("defs").append("marker").attr("id", "arrow").attr("viewBox", "0 0 8 8").attr("refX", 7).attr("refY", 4).attr("markerUnits", "userSpaceOnUse").attr("markerWidth", 9).attr("markerHeight", 9).attr("orient", "auto").append("path").attr("d", "M0,0L8,4L0,8z");
const layer = svg.append("g");
const zooming = zoom().scaleExtent([0.02, 4]).on("zoom", (event) => layer.attr("transform", event.transform));
svg.call(zooming).on("dblclick.zoom", null);
let shape = null;
const PLACING = 3;

const subLabel = (item) => `${kindOf(item).slice(0, 24)} · ${sizeText(DATA.nodes[nodeOf(item)])}`;

const itemOfNode = new Map();
for (const group of groups.values()) for (const item of group.items) if (!isGroup(item)) itemOfNode.set(item.node, item);
// The outermost closed module around an operator, or the operator itself.
function shownFor(k) {
  const item = itemOfNode.get(k);
  const chain = [];
  for (let at = item.parent; at; at = at.parent) chain.unshift(at);
  for (const group of chain) if (!opened.has(group)) return group;
  return item;
}
function layOut() {
  const graph = new dagre.graphlib.Graph().setGraph({ rankdir: "TB", nodesep: 18, ranksep: 30 }).setDefaultEdgeLabel(() => ({}));
  const ids = new Map(), boxes = new Map(), into = new Map();
  const idOf = (item) => {
    if (!ids.has(item)) {
      const id = String(ids.size);
      ids.set(item, id); boxes.set(id, item);
      graph.setNode(id, { width: Math.max(90, 7.2 * fullLabel(item).length + 26, 5.9 * subLabel(item).length + 18), height: 40 });
    }
    return ids.get(item);
  };
  DATA.nodes.forEach((node, k) => {
    const to = idOf(shownFor(k));
    for (const source of node.reads) {
      const from = idOf(shownFor(source));
      if (from === to) continue;
      if (!into.has(to)) into.set(to, new Map());
      into.get(to).set(from, Math.max(source, into.get(to).get(from) || 0));
    }
  });
  // A box per rank for every long edge makes dense blocks take minutes: the latest sources place a
  // box, edges from all others are drawn around.
  const around = [];
  for (const [to, sources] of into) {
    const latest = [...sources].sort((a, b) => b[1] - a[1]).map(([from]) => from);
    latest.slice(0, PLACING).forEach((from) => graph.setEdge(from, to));
    latest.slice(PLACING).forEach((from) => around.push({ v: from, w: to }));
  }
  dagre.layout(graph);
  shape = { graph, ids, boxes, around, width: graph.graph().width || 1, height: graph.graph().height || 1 };
  render();
}
function render() {
  const { graph, boxes, around } = shape;
  layer.selectAll("*").remove();
  const link = (edge, d) => layer.append("path").attr("class", "edge").attr("data-from", edge.v).attr("data-to", edge.w).attr("marker-end", "url(#arrow)").attr("d", d);
  for (const edge of graph.edges()) link(edge, (graph.edge(edge).points || []).map((p, i) => `${i ? "L" : "M"}${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(""));
  for (const edge of around) {
    const a = graph.node(edge.v), b = graph.node(edge.w), side = Math.max(a.x + a.width / 2, b.x + b.width / 2) + 20 + .15 * Math.abs(b.y - a.y);
    link(edge, `M${a.x + a.width / 2},${a.y}C${side},${a.y} ${side},${b.y} ${b.x + b.width / 2},${b.y}`);
  }
  for (const id of graph.nodes()) {
    const item = boxes.get(id), at = graph.node(id), node = DATA.nodes[nodeOf(item)], leaf = isLeaf(item);
    const box = layer.append("g").attr("class", `item${leaf ? "" : " module"}${node.global.some(Boolean) ? " global" : ""}${node.status === "unknown" ? " unknown" : ""}`).attr("transform", `translate(${(at.x - at.width / 2).toFixed(1)},${(at.y - at.height / 2).toFixed(1)})`).attr("tabindex", 0).attr("role", "button").attr("data-id", id).attr("data-node", node.name);
    box.attr("aria-label", `${fullLabel(item)}, ${kindOf(item)}, field ${sizeText(node)}${leaf ? "" : ", closed module"}`);
    box.append("rect").attr("width", at.width).attr("height", at.height).attr("rx", leaf ? 4 : 9);
    box.append("text").attr("x", 8).attr("y", 16).text((leaf ? "" : "+ ") + fullLabel(item));
    box.append("text").attr("class", "sub").attr("x", 8).attr("y", 31).text(subLabel(item));
    box.node().item = item;
  }
  mark();
}
function onPath() {
  const which = byId("path").value, path = new Set();
  if (which === "" || state.chosen === null) return path;
  for (let k = state.chosen; k !== null && !path.has(k); k = DATA.nodes[k].before[Number(which)]) path.add(k);
  return path;
}
function mark() {
  const path = onPath(), ids = new Set([...path].map((k) => shape.ids.get(shownFor(k))));
  const chosen = state.chosen === null ? null : shape.ids.get(shownFor(state.chosen));
  const found = new Set(state.matches.map((k) => shape.ids.get(shownFor(k))));
  const links = new Set();
  for (const k of path) { const before = DATA.nodes[k].before[Number(byId("path").value)]; if (before !== null) links.add(`${shape.ids.get(shownFor(before))} ${shape.ids.get(shownFor(k))}`); }
  for (const box of layer.node().querySelectorAll(".item")) {
    box.classList.toggle("on-path", ids.has(box.dataset.id)); box.classList.toggle("chosen", box.dataset.id === chosen); box.classList.toggle("match", found.has(box.dataset.id));
  }
  for (const edge of layer.node().querySelectorAll(".edge")) edge.classList.toggle("on-path", links.has(`${edge.dataset.from} ${edge.dataset.to}`));
}
function fit() {
  const area = byId("graph").getBoundingClientRect(), scale = Math.min(1, .95 * area.width / shape.width, Math.max(.95 * area.height / shape.height, .35));
  svg.call(zooming.transform, zoomIdentity.translate((area.width - shape.width * scale) / 2, 8).scale(scale));
}
function centre(k) {
  const id = shape.ids.get(shownFor(k)), at = id === undefined ? null : shape.graph.node(id);
  if (at) svg.call(zooming.translateTo, at.x, at.y);
}
function openGroup(group) {
  for (let at = group; at; at = at.parent) opened.add(at);
  layOut();
}
const boxAt = (event) => event.target.closest(".item");
byId("graph").addEventListener("mouseover", (event) => { const box = boxAt(event); if (box) draw(nodeOf(box.item), null); });
byId("graph").addEventListener("mouseleave", () => draw(state.chosen, state.index));
byId("graph").addEventListener("focusin", (event) => { const box = boxAt(event); if (box) draw(nodeOf(box.item), null); });
byId("graph").addEventListener("click", (event) => { const box = boxAt(event); if (box) choose(nodeOf(box.item), box.item, false); });
byId("graph").addEventListener("dblclick", (event) => { const box = boxAt(event); if (box && !isLeaf(box.item)) { openGroup(box.item); centre(nodeOf(box.item)); } });
byId("graph").addEventListener("keydown", (event) => {
  const box = boxAt(event);
  if (!box) return;
  const id = box.dataset.id, { graph } = shape;
  const step = { ArrowDown: graph.successors(id), ArrowUp: graph.predecessors(id) }[event.key];
  if (step) { const next = step[0] && layer.node().querySelector(`[data-id="${step[0]}"]`); if (next) { next.focus(); centre(nodeOf(next.item)); } }
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const peers = graph.nodes().filter((v) => graph.node(v).y === graph.node(id).y).sort((a, b) => graph.node(a).x - graph.node(b).x);
    const next = peers[peers.indexOf(id) + (event.key === "ArrowRight" ? 1 : -1)];
    if (next) layer.node().querySelector(`[data-id="${next}"]`).focus();
  } else if (event.key === "Enter") choose(nodeOf(box.item), box.item, false);
  else if (event.key === " " && !isLeaf(box.item)) { const item = box.item; openGroup(item); const inside = layer.node().querySelector(`[data-node="${CSS.escape(DATA.nodes[item.first].name)}"]`); if (inside) inside.focus(); }
  else return;
  event.preventDefault();
});
byId("fit").addEventListener("click", fit);
byId("zoom-in").addEventListener("click", () => svg.call(zooming.scaleBy, 1.4));
byId("zoom-out").addEventListener("click", () => svg.call(zooming.scaleBy, 1 / 1.4));
byId("collapse").addEventListener("click", () => { opened.clear(); opened.add(ROOT); layOut(); fit(); });
byId("path").addEventListener("change", mark);
