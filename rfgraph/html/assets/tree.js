// The module tree: branches are made when they are first opened.
const treeItems = new Map();
function treeItem(item) {
  const row = element("li"), leaf = isLeaf(item);
  row.setAttribute("role", "treeitem");
  row.tabIndex = -1;
  const label = element("span", { className: "label" }, element("span", { className: "twist", textContent: leaf ? "" : "▸" }), labelOf(item), element("span", { className: "kind", textContent: kindOf(item) }));
  row.append(label);
  row.item = item;
  if (!leaf) row.setAttribute("aria-expanded", "false");
  row.setAttribute("aria-selected", "false");
  treeItems.set(item, row);
  return row;
}
function openRow(row, open) {
  if (!row.hasAttribute("aria-expanded")) return;
  row.setAttribute("aria-expanded", open);
  row.querySelector(".twist").textContent = open ? "▾" : "▸";
  if (open && !row.querySelector("ul")) {
    const list = element("ul", {}, ...row.item.items.map(treeItem));
    list.setAttribute("role", "group");
    row.append(list);
  }
  const list = row.querySelector(":scope > ul");
  if (list) list.hidden = !open;
}
function showInTree(item) {
  const above = [];
  for (let at = item.parent; at && at !== ROOT; at = at.parent) above.unshift(at);
  for (const group of above) { if (isLeaf(group)) { item = group; break; } openRow(treeItems.get(group), true); }
  const row = treeItems.get(item);
  if (!row) return;
  for (const other of byId("tree").querySelectorAll('[aria-selected="true"]')) { other.setAttribute("aria-selected", "false"); other.tabIndex = -1; }
  row.setAttribute("aria-selected", "true");
  row.tabIndex = 0;
  row.firstChild.scrollIntoView({ block: "nearest", inline: "nearest" });
}
byId("tree").append(...ROOT.items.map(treeItem));
if (byId("tree").firstChild) byId("tree").firstChild.tabIndex = 0;
byId("tree").addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (!row) return;
  if (event.target.closest(".twist") || row.getAttribute("aria-selected") === "true") openRow(row, row.getAttribute("aria-expanded") !== "true");
  choose(nodeOf(row.item), row.item);
});
byId("tree").addEventListener("mouseover", (event) => { const row = event.target.closest("li"); if (row && event.target.closest(".label")) draw(nodeOf(row.item), null); });
byId("tree").addEventListener("mouseleave", () => draw(state.chosen, state.index));
byId("tree").addEventListener("focusin", (event) => { if (event.target.item) draw(nodeOf(event.target.item), null); });
byId("tree").addEventListener("keydown", (event) => {
  const row = event.target.closest("li");
  if (!row) return;
  const rows = [...byId("tree").querySelectorAll("li")].filter((r) => r.offsetParent !== null), at = rows.indexOf(row);
  const go = (to) => { if (to) { row.tabIndex = -1; to.tabIndex = 0; to.focus(); } };
  const open = row.getAttribute("aria-expanded");
  if (event.key === "ArrowDown") go(rows[at + 1]);
  else if (event.key === "ArrowUp") go(rows[at - 1]);
  else if (event.key === "ArrowRight") { if (open === "false") openRow(row, true); else go(rows[at + 1]); }
  else if (event.key === "ArrowLeft") { if (open === "true") openRow(row, false); else go(row.parentElement.closest("li")); }
  else if (event.key === "Home") go(rows[0]);
  else if (event.key === "End") go(rows[rows.length - 1]);
  else if (event.key === "Enter" || event.key === " ") choose(nodeOf(row.item), row.item);
  else return;
  event.preventDefault();
});
