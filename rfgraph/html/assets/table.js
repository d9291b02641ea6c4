// The table of all nodes, sorted by any column.
const number = (value) => { if (value === null) return -Infinity; const [a, b] = String(value).split("/"); return Number(a) / Number(b || 1); };
const largest = (values) => values.length ? Math.max(...values.map(number)) : -Infinity;
const COLUMNS_OF_TABLE = [
  ["#", (_n, k) => k, (_n, k) => k], ["node", (n) => n.name, (n) => n.name], ["type", (n) => DATA.types[n.module] || "", (n) => DATA.types[n.module] || ""],
  ["operator", (n) => n.operator, (n) => n.operator], ["output", (n) => n.shape.join("×"), (n) => n.shape.reduce((a, b) => a * b, 1)],
  ["size", sizeText, (n) => n.global.some(Boolean) ? 1e15 + Math.max(0, largest(n.size)) : largest(n.size)], ["jump", (n) => several(n.jump), (n) => largest(n.jump)],
  ["start", (n) => several(n.start), (n) => largest(n.start)], ["status", (n) => n.status, (n) => n.status],
];
const sorting = { column: 0, down: false };
const bodyRows = DATA.nodes.map((node, k) => {
  const row = element("tr", {}, ...COLUMNS_OF_TABLE.map(([, text]) => element("td", { textContent: text(node, k) })));
  row.dataset.node = k;
  return row;
});
const body = element("tbody");
function sortTable() {
  const key = COLUMNS_OF_TABLE[sorting.column][2], sign = sorting.down ? -1 : 1;
  const order = DATA.nodes.map((node, k) => [key(node, k), k]).sort(([a, i], [b, j]) => (a < b ? -sign : a > b ? sign : i - j));
  body.replaceChildren(...order.map(([, k]) => bodyRows[k]));
  byId("table").querySelectorAll("th").forEach((head, c) => head.setAttribute("aria-sort", c !== sorting.column ? "none" : sorting.down ? "descending" : "ascending"));
}
byId("table").append(element("thead", {}, element("tr", {}, ...COLUMNS_OF_TABLE.map(([name], c) => {
  const button = element("button", { type: "button", textContent: name });
  button.addEventListener("click", () => { sorting.down = sorting.column === c && !sorting.down; sorting.column = c; sortTable(); });
  const head = element("th", {}, button);
  head.scope = "col";
  return head;
}))), body);
sortTable();
body.addEventListener("click", (event) => { const row = event.target.closest("tr"); if (row) choose(Number(row.dataset.node)); });
