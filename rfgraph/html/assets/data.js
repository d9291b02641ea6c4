// The data and what is derived from it: module tree, names, formatting.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byName = new Map(DATA.nodes.map((node, k) => [node.name, k]));
const byId = (id) => document.getElementById(id);

// The module tree: every group holds groups and operators in order of execution.
const ROOT = { path: "", items: [], groups: new Map(), parent: null, first: -1, last: -1 };
const groups = new Map([["", ROOT]]);
function groupOf(path) {
  if (groups.has(path)) return groups.get(path);
  const cut = path.lastIndexOf(".");
  const parent = groupOf(cut < 0 ? "" : path.slice(0, cut));
  const group = { path, items: [], groups: new Map(), parent, first: -1, last: -1 };
  groups.set(path, group);
  parent.items.push(group);
  return group;
}
DATA.nodes.forEach((node, k) => {
  const home = groupOf(node.module);
  home.items.push({ node: k, parent: home });
  for (let group = home; group; group = group.parent) {
    if (group.first < 0) group.first = k;
    group.last = k;
  }
});
// What a module returned stands for it; without that, its last operator.
DATA.nodes.forEach((node, k) => node.returns.forEach((path) => { if (groups.has(path) && groups.get(path).result === undefined) groups.get(path).result = k; }));
const isGroup = (item) => item.path !== undefined;
// A module of one operator is shown as that operator.
const isLeaf = (item) => !isGroup(item) || (item.items.length === 1 && !isGroup(item.items[0]));
const nodeOf = (item) => isGroup(item) ? (item.result !== undefined ? item.result : item.last) : item.node;
const labelOf = (item) => {
  if (isGroup(item)) return item.path.slice(item.parent && item.parent.path ? item.parent.path.length + 1 : 0);
  const name = DATA.nodes[item.node].name, home = item.parent.path;
  if (home && name.startsWith(home + ".")) return name.slice(home.length + 1);
  // What a module returned bears the module's own name.
  return home && name.startsWith(home) ? name.slice(home.lastIndexOf(".") + 1) : name;
};
// In the graph, where no tree says what is inside what, names are whole.
const fullLabel = (item) => isGroup(item) ? item.path : DATA.nodes[item.node].name;
const kindOf = (item) => isGroup(item) ? DATA.types[item.path] || "" : DATA.nodes[item.node].operator;
const several = (values) => {
  const shown = values.map((v) => v === null ? "–" : String(v));
  return shown.every((v) => v === shown[0]) ? shown[0] : shown.join(" × ");
};
const sizeText = (node) => {
  const local = node.size.every((n) => n === null) ? "" : several(node.size);
  const whole = node.global.some(Boolean) ? "global" : "";
  return [local, whole].filter(Boolean).join(", ") || "none";
};
const element = (tag, properties, ...children) => {
  const made = Object.assign(document.createElement(tag), properties || {});
  made.append(...children);
  return made;
};
// Tables of numbers by position: the axes on which they vary, and a line of numbers, which are
// lines in turn where there is another axis. A line is runs [count, advance, first, …].
const spelled = new Map();
function lineOf(number) {
  if (!spelled.has(number)) {
    const line = [];
    for (const [count, advance, ...firsts] of DATA.lines[number]) for (let i = 0; i < count; i++) line.push(firsts[i % firsts.length] + advance * Math.floor(i / firsts.length));
    spelled.set(number, line);
  }
  return spelled.get(number);
}
function valueAt([axes, line], index) {
  let at = line;
  for (const axis of axes) at = lineOf(at)[index[axis]];
  return axes.length ? at : lineOf(at)[0];
}
const pairAt = ([first, last], index) => { const a = valueAt(first, index), b = valueAt(last, index); return a <= b ? [a, b] : null; };
// What the element at an index sees: rows and columns of hull, null for nothing, and of the unclipped hull.
function regionAt(node, index) {
  const region = DATA.regions[node.region], hull = region.hull.map((ends) => pairAt(ends, index));
  return { hull: hull.includes(null) ? null : hull, unclipped: region.unclipped.map((ends) => pairAt(ends, index)) };
}
const extentOf = (node) => DATA.regions[node.region].extent;
const middleOf = (node) => extentOf(node).map((n) => Math.floor(n / 2));
const isPadded = ({ hull, unclipped }) => hull !== null && !unclipped.includes(null) && String(unclipped) !== String(hull);
