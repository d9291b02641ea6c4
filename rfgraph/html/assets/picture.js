// The picture, and what one position of a node sees of it.
const canvas = byId("picture"), pen = canvas.getContext("2d");
const [ROWS, COLUMNS] = DATA.input.lengths;
const photo = DATA.picture ? new Image() : null;
const heat = new Map();
const shownNow = { node: 0, index: null };

// Draws what one element sees, the middle one by default.
function draw(k, index) {
  shownNow.node = k; shownNow.index = index;
  const node = DATA.nodes[k], middle = middleOf(node), at = index || middle, box = regionAt(node, at);
  const isMiddle = String(at) === String(middle), pixels = node.pixels === null ? null : DATA.pixels[node.pixels];
  const padded = isPadded(box);
  const outer = padded ? box.unclipped : box.hull;
  // Padding is shown up to half a picture around.
  const reach = outer || [[0, ROWS - 1], [0, COLUMNS - 1]];
  const top = Math.max(Math.min(reach[0][0], 0), -ROWS / 2), left = Math.max(Math.min(reach[1][0], 0), -COLUMNS / 2);
  const bottom = Math.min(Math.max(reach[0][1] + 1, ROWS), ROWS * 1.5), right = Math.min(Math.max(reach[1][1] + 1, COLUMNS), COLUMNS * 1.5);
  const flat = ROWS === 1 ? 60 : 1;
  const scale = Math.min(canvas.width / (right - left + 2), canvas.height / ((bottom - top) * flat + 2));
  // Whole canvas pixels: seams between parts would look like holes in the field.
  const x = (column) => Math.round((column - left + 1) * scale + (canvas.width - (right - left + 2) * scale) / 2);
  const y = (row) => Math.round(((row - top) * flat + 1) * scale + (canvas.height - ((bottom - top) * flat + 2) * scale) / 2);
  const fill = (r0, r1, c0, c1) => pen.fillRect(x(c0), y(r0), x(c1 + 1) - x(c0), y(r1 + 1) - y(r0));
  const frame = (pairs, colour, width, dashes) => {
    pen.setLineDash(dashes); pen.strokeStyle = colour; pen.lineWidth = width;
    pen.strokeRect(x(pairs[1][0]), y(pairs[0][0]), x(pairs[1][1] + 1) - x(pairs[1][0]), y(pairs[0][1] + 1) - y(pairs[0][0]));
    pen.setLineDash([]);
  };
  pen.fillStyle = "#ffffff"; pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingEnabled = false;
  const paint = () => {
    if (photo && photo.complete) pen.drawImage(photo, x(0), y(0), x(COLUMNS) - x(0), y(ROWS) - y(0));
    else {
      const step = Math.max(1, Math.round(Math.max(ROWS, COLUMNS) / 16));
      for (let r = 0; r < ROWS; r += step) for (let c = 0; c < COLUMNS; c += step) {
        pen.fillStyle = (r / step + c / step) % 2 ? "#dfe3e8" : "#eef0f3";
        fill(r, Math.min(r + step, ROWS) - 1, c, Math.min(c + step, COLUMNS) - 1);
      }
    }
  };
  paint();
  pen.fillStyle = "rgba(0,0,0,.62)"; fill(0, ROWS - 1, 0, COLUMNS - 1);
  if (box.hull) {
    pen.save(); pen.beginPath();
    const [[r0, r1], [c0, c1]] = box.hull;
    const add = (a, b, c, d) => pen.rect(x(c), y(a), x(d + 1) - x(c), y(b + 1) - y(a));
    if (byId("show-holes").checked && isMiddle && pixels) {
      for (const [a, b, columns] of pixels) for (let i = 0; i < columns.length; i += 2) add(a, b, columns[i], columns[i + 1]);
    } else add(r0, r1, c0, c1);
    pen.clip(); paint(); pen.restore();
    const warm = heat.get(node.name);
    if (warm && isMiddle && byId("show-heat").checked) pen.drawImage(warm, x(0), y(0), x(COLUMNS) - x(0), y(ROWS) - y(0));
    frame(box.hull, "#ffffff", 5, []); frame(box.hull, "#0072b2", 2.5, []);
  }
  if (padded) frame(outer, "#d55e00", 1.5, [7, 5]);
  const span = (pair) => pair === null ? "–" : `${pair[0]} … ${pair[1]}`;
  const place = at.length ? `Element [${at.join(", ")}]` : "It";
  const sees = box.hull ? `sees ${ROWS === 1 ? "" : `rows ${span(box.hull[0])}, `}columns ${span(box.hull[1])}${padded ? `; with padding ${ROWS === 1 ? "" : `rows ${span(outer[0])}, `}columns ${span(outer[1])}` : ""}` : `sees nothing of ${DATA.input.name}`;
  // The box is exact everywhere; which of its pixels are seen is told of the middle element.
  const note = !box.hull ? "" : node.pixels === null ? " Single pixels of this node are not in this page." : isMiddle ? "" : pixels ? " The middle element has holes in its box; the pixels of this one are not in this page." : "";
  byId("region").textContent = `${place} ${sees}.${note}`;
  canvas.setAttribute("aria-label", `${node.name}: ${byId("region").textContent}`);
}
// The map: every position of the node, coloured by what it sees; of three axes the last two.
const map = byId("map"), brush = map.getContext("2d"), MAP = { width: 300, height: 200 };
const mapSize = (node) => { const extent = extentOf(node); return [extent.length > 1 ? extent[extent.length - 2] : 1, extent.length ? extent[extent.length - 1] : 1]; };
const chosenIndex = () => state.index || middleOf(DATA.nodes[state.chosen]);
const onMap = (node, row, column) => [...chosenIndex().slice(0, -2), ...(extentOf(node).length > 1 ? [row, column] : [column])].slice(-extentOf(node).length);
function showMap() {
  const node = DATA.nodes[state.chosen], extent = extentOf(node), [rows, columns] = mapSize(node);
  byId("positions").hidden = !extent.length;
  if (!extent.length) return;
  const side = Math.min(22, MAP.width / columns, MAP.height / rows);
  map.width = Math.max(1, Math.round(side * columns)); map.height = Math.max(rows === 1 ? 14 : 1, Math.round(side * rows));
  const x = (column) => Math.round(column * map.width / columns), y = (row) => Math.round(row * map.height / rows);
  // Not more cells than canvas pixels.
  const stepDown = Math.max(1, Math.floor(rows / map.height)), stepAcross = Math.max(1, Math.floor(columns / map.width)), gap = side >= 6 ? 1 : 0;
  for (let row = 0; row < rows; row += stepDown) for (let column = 0; column < columns; column += stepAcross) {
    const region = regionAt(node, onMap(node, row, column));
    brush.fillStyle = region.hull === null ? "#8b8f96" : isPadded(region) ? "#e69f00" : "#56b4e9";
    brush.fillRect(x(column), y(row), Math.max(1, x(column + stepAcross) - x(column) - gap), Math.max(1, y(row + stepDown) - y(row) - gap));
  }
  const index = chosenIndex(), row = rows === 1 && extent.length < 2 ? 0 : index[index.length - 2], column = index[index.length - 1];
  const wide = Math.max(7, x(column + 1) - x(column)), high = Math.max(7, y(row + 1) - y(row));
  const left = Math.min(Math.max(0, x(column) - (wide > side + 1 ? 3 : 0)), map.width - wide), top = Math.min(Math.max(0, y(row) - (high > side + 1 ? 3 : 0)), map.height - high);
  brush.lineWidth = 2; brush.strokeStyle = "#ffffff"; brush.strokeRect(left + 1, top + 1, wide - 2, high - 2);
  brush.strokeStyle = "#000000"; brush.strokeRect(left, top, wide, high);
  map.setAttribute("aria-label", `Positions ${extent.join(" × ")}, chosen [${index.join(", ")}]; arrows move`);
  const fields = byId("index");
  if (fields.children.length !== extent.length || fields.dataset.node !== String(state.chosen)) {
    fields.dataset.node = state.chosen;
    fields.replaceChildren(...extent.map((n, axis) => {
      const field = element("input", { type: "number", min: 0, max: n - 1, step: 1 });
      field.setAttribute("aria-label", `index along axis ${axis + 1} of ${extent.length}, 0 to ${n - 1}`);
      field.addEventListener("change", () => chooseIndex([...fields.children].map((f) => Number(f.value))));
      return field;
    }));
  }
  index.forEach((i, axis) => { fields.children[axis].value = i; });
}
function chooseIndex(index) {
  const extent = extentOf(DATA.nodes[state.chosen]);
  state.index = index.map((i, axis) => Math.min(Math.max(Math.round(i) || 0, 0), extent[axis] - 1));
  showMap(); draw(state.chosen, state.index);
}
function indexUnder(event) {
  const node = DATA.nodes[state.chosen], [rows, columns] = mapSize(node), area = map.getBoundingClientRect();
  const cell = (at, length, n) => Math.min(Math.max(Math.floor(at / length * n), 0), n - 1);
  return onMap(node, cell(event.clientY - area.top, area.height, rows), cell(event.clientX - area.left, area.width, columns));
}
map.addEventListener("click", (event) => chooseIndex(indexUnder(event)));
map.addEventListener("pointermove", (event) => draw(state.chosen, indexUnder(event)));
map.addEventListener("pointerleave", () => draw(state.chosen, state.index));
map.addEventListener("keydown", (event) => {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], End: [0, Infinity], Home: [0, -Infinity], PageDown: [Infinity, 0], PageUp: [-Infinity, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const index = [...chosenIndex()], last = index.length - 1;
  const move = (axis, by) => { if (axis >= 0) index[axis] = by === Infinity ? extentOf(DATA.nodes[state.chosen])[axis] - 1 : by === -Infinity ? 0 : index[axis] + by; };
  move(last - 1, step[0]); move(last, step[1]);
  chooseIndex(index);
});
function facts(k) {
  const node = DATA.nodes[k];
  const rows = [
    ["operator", node.operator], ["module", node.module ? `${node.module} (${DATA.types[node.module] || "?"})` : "–"],
    ["shape", node.shape.join(" × ") || "scalar"], ["size", sizeText(node) + " px"], ["jump", several(node.jump)], ["start", several(node.start)], ["centre", several(node.center)],
    ["pixels read", several(node.support)], ["status", node.status], ["paths", node.paths],
  ];
  if (node.origins.length) rows.push(["global from", node.origins.join(", ")]);
  for (const reason of node.reasons) rows.push(["because", reason]);
  for (const [source, size, center, aligned] of node.branches) rows.push(["branch", `${source}: size ${several(size)}, centre ${several(center)}${aligned ? "" : ", shifted"}`]);
  byId("facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]));
}
if (photo) { photo.onload = () => draw(shownNow.node, shownNow.index); photo.src = DATA.picture; }
for (const [name, source] of Object.entries(DATA.influence)) {
  const grey = new Image();
  grey.onload = () => {
    // Grey becomes the opacity of one colour.
    const sheet = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: ROWS }), brush = sheet.getContext("2d");
    brush.drawImage(grey, 0, 0);
    const pixels = brush.getImageData(0, 0, COLUMNS, ROWS);
    for (let i = 0; i < pixels.data.length; i += 4) { pixels.data[i + 3] = pixels.data[i] * .85; pixels.data[i] = 240; pixels.data[i + 1] = 228; pixels.data[i + 2] = 66; }
    brush.putImageData(pixels, 0, 0); heat.set(name, sheet); draw(shownNow.node, shownNow.index);
  };
  grey.src = source;
}
byId("heat-label").hidden = !Object.keys(DATA.influence).length;
