// The picture, and what one position of a node sees of it.
const canvas = byId("picture"), pen = canvas.getContext("2d");
const [ROWS, COLUMNS] = DATA.input.lengths;
const photo = DATA.picture ? new Image() : null;
const heat = new Map();
const shownNow = { node: 0, place: null };

function boxOf(node, place) {
  const region = DATA.regions[node.region];
  if (place === null) return { index: region.middle, hull: region.hull, unclipped: region.unclipped, runs: region.runs, pattern: region.pattern };
  const [hull, unclipped] = region.cells[place];
  return { index: indexOf(region, place), hull, unclipped, runs: null, pattern: false };
}
function indexOf(region, place) {
  const inner = region.grid.length < 2 ? 1 : region.grid[1].length;
  const shown = region.grid.length === 0 ? [] : region.grid.length === 1 ? [region.grid[0][place]] : [region.grid[0][Math.floor(place / inner)], region.grid[1][place % inner]];
  return [...region.middle.slice(0, region.extent.length - shown.length), ...shown];
}
function draw(k, place) {
  shownNow.node = k; shownNow.place = place;
  const node = DATA.nodes[k], box = boxOf(node, place);
  const padded = (box.hull || box.pattern) && box.unclipped && box.unclipped.every((pair) => pair) && String(box.unclipped) !== String(box.hull);
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
    if (byId("show-holes").checked && box.runs) {
      for (const [a, b, columns] of box.runs) for (let i = 0; i < columns.length; i += 2) add(a, b, columns[i], columns[i + 1]);
    } else add(r0, r1, c0, c1);
    pen.clip(); paint(); pen.restore();
    const warm = heat.get(node.name);
    if (warm && place === null && byId("show-heat").checked) pen.drawImage(warm, x(0), y(0), x(COLUMNS) - x(0), y(ROWS) - y(0));
    frame(box.hull, "#ffffff", 5, []); frame(box.hull, "#0072b2", 2.5, []);
  }
  if (padded) frame(outer, "#d55e00", 1.5, [7, 5]);
  const span = (pair) => pair === null ? "–" : `${pair[0]} … ${pair[1]}`;
  const text = box.hull ? `Element [${box.index.join(", ")}] sees ${ROWS === 1 ? "" : `rows ${span(box.hull[0])}, `}columns ${span(box.hull[1])}${padded ? `; with padding ${ROWS === 1 ? "" : `rows ${span(outer[0])}, `}columns ${span(outer[1])}` : ""}.` : `Element [${box.index.join(", ")}] sees nothing of ${DATA.input.name}.`;
  const rough = `Element [${box.index.join(", ")}]${padded ? `, by the pattern of interior elements: rows ${span(outer[0])}, columns ${span(outer[1])}` : ""}; its exact region is not in this page.`;
  byId("region").textContent = box.pattern ? rough : text;
  canvas.setAttribute("aria-label", `${node.name}: ${byId("region").textContent}`);
}
function showMap(k) {
  const region = DATA.regions[DATA.nodes[k].region], map = byId("map");
  const columns = region.grid.length < 2 ? (region.grid[0] || [0]).length : region.grid[1].length;
  map.style.gridTemplateColumns = `repeat(${columns}, max-content)`;
  map.replaceChildren(...region.cells.map((_cell, place) => {
    const index = indexOf(region, place);
    const button = element("button", { type: "button", textContent: index.slice(-2).join(","), title: `position [${index.join(", ")}] of ${region.extent.join(" × ")}`, tabIndex: place ? -1 : 0 });
    button.setAttribute("role", "gridcell");
    button.dataset.place = place;
    return button;
  }));
}
function choosePlace(button) {
  for (const other of byId("map").children) { other.setAttribute("aria-selected", other === button); other.tabIndex = other === button ? 0 : -1; }
  draw(state.chosen, Number(button.dataset.place));
}
byId("map").addEventListener("click", (event) => { const button = event.target.closest("button"); if (button) choosePlace(button); });
byId("map").addEventListener("keydown", (event) => {
  const all = [...byId("map").children], at = all.indexOf(event.target);
  const columns = getComputedStyle(byId("map")).gridTemplateColumns.split(" ").length;
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns }[event.key];
  if (to === undefined || !all[to]) return;
  event.preventDefault(); all[to].focus(); choosePlace(all[to]);
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
if (photo) { photo.onload = () => draw(shownNow.node, shownNow.place); photo.src = DATA.picture; }
for (const [name, source] of Object.entries(DATA.influence)) {
  const grey = new Image();
  grey.onload = () => {
    // Grey becomes the opacity of one colour.
    const sheet = Object.assign(document.createElement("canvas"), { width: COLUMNS, height: ROWS }), brush = sheet.getContext("2d");
    brush.drawImage(grey, 0, 0);
    const pixels = brush.getImageData(0, 0, COLUMNS, ROWS);
    for (let i = 0; i < pixels.data.length; i += 4) { pixels.data[i + 3] = pixels.data[i] * .85; pixels.data[i] = 240; pixels.data[i + 1] = 228; pixels.data[i + 2] = 66; }
    brush.putImageData(pixels, 0, 0); heat.set(name, sheet); draw(shownNow.node, shownNow.place);
  };
  grey.src = source;
}
byId("heat-label").hidden = !Object.keys(DATA.influence).length;
