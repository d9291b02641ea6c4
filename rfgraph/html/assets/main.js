// What is chosen, searched and themed; the other parts follow.
const state = { chosen: null, index: null, matches: [] };
function choose(k, item, move = true) {
  state.chosen = k;
  state.index = null;
  const node = DATA.nodes[k];
  byId("node-name").textContent = node.name;
  showMap(); facts(k); draw(k, null);
  showInTree(item || itemOfNode.get(k));
  mark();
  if (move) centre(k);
  for (const row of body.querySelectorAll(".chosen")) row.classList.remove("chosen");
  bodyRows[k].classList.add("chosen");
}
let turn = 0;
function search() {
  const text = byId("search").value.trim().toLowerCase();
  const hit = (n) => [n.name, n.operator, DATA.types[n.module] || "", ...n.returns].some((t) => t.toLowerCase().includes(text));
  state.matches = text ? DATA.nodes.map((n, k) => (hit(n) ? k : -1)).filter((k) => k >= 0) : [];
  byId("matches").textContent = text ? `${state.matches.length} of ${DATA.nodes.length} nodes` : "";
  bodyRows.forEach((row, k) => { row.hidden = Boolean(text) && !state.matches.includes(k); });
  turn = 0;
  mark();
}
byId("search").addEventListener("input", search);
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && state.matches.length) choose(state.matches[turn++ % state.matches.length]);
  if (event.key === "Escape") { byId("search").value = ""; search(); }
});
document.addEventListener("keydown", (event) => { if (event.key === "/" && !/INPUT|SELECT/.test(event.target.tagName)) { event.preventDefault(); byId("search").focus(); } });
const dark = (on) => { document.documentElement.dataset.theme = on ? "dark" : "light"; };
dark(matchMedia("(prefers-color-scheme: dark)").matches);
byId("theme").addEventListener("click", () => dark(document.documentElement.dataset.theme !== "dark"));
for (const id of ["show-holes", "show-heat"]) byId(id).addEventListener("change", () => draw(shownNow.node, shownNow.index));

byId("title").textContent = DATA.title;
byId("provenance").textContent = Object.entries(DATA.provenance).map(([key, value]) => `${key}: ${value}`).join(" · ") + ` · fields in input ${DATA.input.name} (${DATA.input.shape.join(" × ")}), axes ${DATA.input.axes.join(", ")}` + (DATA.input.axes.length > 2 ? "; the last two are drawn" : "");
byId("findings-panel").hidden = !DATA.findings.length;
byId("findings").append(...DATA.findings.map((finding) => {
  const row = element("li", { className: finding.severity }, element("strong", { textContent: `${finding.severity}: ${finding.title}` }), finding.text ? ` ${finding.text}` : "");
  if (finding.node) { const button = element("button", { type: "button", textContent: finding.node }); button.addEventListener("click", () => choose(byName.get(finding.node))); row.append(button); }
  return row;
}));
layOut();
// The last node with a place in the picture: where the field is largest and still local.
const local = DATA.nodes.map((n, k) => (n.size.some((s) => s !== null) && !n.global.some(Boolean) ? k : -1)).filter((k) => k >= 0);
choose(local.length ? local[local.length - 1] : DATA.nodes.length - 1);
fit();
document.documentElement.dataset.ready = performance.now().toFixed(0);
