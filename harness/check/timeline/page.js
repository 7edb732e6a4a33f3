/** The page's behaviour: filter, search, zoom, pan, details under the pointer, the list of the order. */

import { axisHeight, draw, drawOverview, readColours } from "./canvas.js";
import { layOut, matches, readOperations } from "./lanes.js";

const data = JSON.parse(document.querySelector("#data").textContent);
const operations = readOperations(data);
const element = (id) => document.querySelector(`#${id}`);
const [canvas, overview, tip, list] = ["canvas", "overview", "tip", "list"].map(element);
const marks = { blocked: data.blocked, selected: undefined, hovered: undefined, found: undefined };
const view = { left: 0, scale: 8, top: 0, lane: 26 };
const rowHeight = 24;
let colours = readColours();
let layout;
let nemesis = [];
let ordered = [];
let hits = [];

function relayOut() {
  const [key, client] = [element("key").value, element("client").value];
  const byTime = element("axis").value === "time";
  const shown = operations.filter((one) => {
    return (key === "" || one.key === key.slice(1)) && (client === "" || String(one.process) === client);
  });
  layout = layOut(shown, byTime);
  const first = shown[0]?.callNs ?? 0;
  const calls = layout.placed.map(({ call, from }) => [call, from]);
  layout.labelOf = byTime ? (column) => `${((column * 1000 + first) / 1e6).toFixed(3)} ms` : (column) => `${column}`;
  nemesis = data.nemesis.map(({ index, text }) => {
    const next = calls.find(([call]) => call >= index);
    return { text, column: (next === undefined ? layout.width : next[1]) - 0.5 };
  });
  ordered = layout.placed.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank);
  element("count").textContent = `${shown.length} of ${operations.length} operations`;
  view.top = 0;
  search();
  drawList();
}

function fit() {
  view.left = -layout.width * 0.01;
  view.scale = clampScale(sizeOf(canvas).width / (layout.width * 1.02));
  redraw();
}

function clampScale(scale) {
  return Math.min(120, Math.max(sizeOf(canvas).width / (layout.width * 1.1), scale));
}

/** Brings an operation into the middle, changing the filter where it hides it. */
function jumpTo(id, scale = view.scale) {
  if (!layout.placed.some((one) => one.id === id)) {
    element("key").value = "";
    element("client").value = "";
    relayOut();
  }
  const target = layout.placed.find((one) => one.id === id);
  const { width, height } = sizeOf(canvas);
  view.scale = clampScale(scale);
  const columns = width / view.scale;
  const middle = (target.from + Math.min(target.to, target.from + columns)) / 2;
  view.left = Math.max(-columns * 0.02, Math.min(layout.width - columns * 0.98, middle - columns / 2));
  view.top = Math.max(0, Math.min(maxTop(), target.lane * view.lane - height / 2));
  marks.selected = id;
  showDetails(target);
  redraw();
}

/** A scale at which the neighbourhood of the blocked operation is readable. */
function readableScale() {
  const widths = layout.placed.map(({ from, to, isOpen }) => (isOpen ? Infinity : to - from)).sort((a, b) => a - b);
  return 90 / Math.max(1, widths[Math.floor(widths.length / 2)]);
}

function search() {
  const query = element("search").value.trim().toLowerCase();
  hits = query === "" ? [] : layout.placed.filter((one) => matches(one, query)).map(({ id }) => id);
  marks.found = query === "" ? undefined : new Set(hits);
  element("hits").textContent = query === "" ? "" : `${hits.length} found`;
  redraw();
}

function nextHit(direction) {
  if (hits.length === 0) return;
  const at = hits.indexOf(marks.selected);
  jumpTo(hits[(at + direction + hits.length) % hits.length]);
}

function sizeOf(target) {
  return { width: target.clientWidth, height: target.clientHeight };
}

function maxTop() {
  return Math.max(0, layout.laneCount * view.lane + axisHeight + 8 - sizeOf(canvas).height);
}

function contextOf(target) {
  const { width, height } = sizeOf(target);
  const ratio = window.devicePixelRatio || 1;
  if (target.width !== Math.round(width * ratio) || target.height !== Math.round(height * ratio)) {
    target.width = Math.round(width * ratio);
    target.height = Math.round(height * ratio);
  }
  const context = target.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

let isDrawing = false;
function redraw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    // Few lanes may be taller; many are scrolled.
    view.lane = Math.max(26, Math.min(38, (sizeOf(canvas).height - axisHeight - 8) / layout.laneCount));
    view.top = Math.max(0, Math.min(maxTop(), view.top));
    const margin = sizeOf(canvas).width / view.scale / 2;
    view.left = Math.max(-margin, Math.min(layout.width - margin, view.left));
    draw(contextOf(canvas), sizeOf(canvas), layout, view, colours, marks, nemesis);
    drawOverview(contextOf(overview), sizeOf(overview), layout, view, colours, marks, sizeOf(canvas).width);
  });
}

function operationAt(x, y) {
  if (y < axisHeight) return undefined;
  const lane = Math.floor((y - axisHeight + view.top) / view.lane);
  const slack = 4 / view.scale;
  const column = view.left + x / view.scale;
  const under = layout.placed.filter(
    (one) => one.lane === lane && one.from - slack <= column && one.to + slack >= column,
  );
  return under.at(-1);
}

function factsOf(one) {
  const end = one.end < 0 ? "unknown" : `${(one.endNs / 1e6).toFixed(3)} ms`;
  const events = one.end < 0 ? `event ${one.call}` : `events ${one.call} to ${one.end}`;
  const effect =
    one.id === marks.blocked ? "cannot be placed" : one.rank >= 0 ? `number ${one.rank + 1} in the order` : "";
  return [
    ["client", one.process],
    ["key", one.key ?? "none"],
    ["outcome", { ok: "ok", fail: `failed${one.error ? `: ${one.error}` : ""}`, info: "unknown" }[one.outcome]],
    ["time", `${(one.callNs / 1e6).toFixed(3)} ms to ${end}`],
    ["history", events],
    ["version", one.version],
    ["effect", effect],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
}

function fillDetails(target, one) {
  const title = document.createElement("b");
  title.textContent = one.text;
  const facts = document.createElement("dl");
  for (const [name, value] of factsOf(one)) {
    for (const [tag, text] of [
      ["dt", name],
      ["dd", value],
    ]) {
      const cell = document.createElement(tag);
      cell.textContent = text;
      facts.append(cell);
    }
  }
  target.replaceChildren(title, facts);
}

function showDetails(one) {
  fillDetails(element("details"), one);
  scrollListTo(one);
}

/** Only the rows in view exist. */
function drawList() {
  const blocked = layout.placed.find(({ id }) => id === marks.blocked);
  const rows = blocked === undefined ? ordered : [...ordered, blocked];
  element("spacer").style.height = `${rows.length * rowHeight}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 4);
  const last = Math.min(rows.length, first + Math.ceil(list.clientHeight / rowHeight) + 8);
  element("rows").style.transform = `translateY(${first * rowHeight}px)`;
  element("rows").replaceChildren(
    ...rows.slice(first, last).map((one) => {
      const row = document.createElement("button");
      row.className = one.id === marks.blocked ? "row blocked" : one.id === marks.selected ? "row selected" : "row";
      const [number, text, who] = ["span", "span", "span"].map((tag) => document.createElement(tag));
      number.textContent = one.id === marks.blocked ? "✗" : one.rank + 1;
      text.textContent = one.text;
      who.textContent = `client ${one.process}`;
      row.append(number, text, who);
      row.addEventListener("click", () => jumpTo(one.id));
      return row;
    }),
  );
  element("order").hidden = rows.length === 0;
}

function scrollListTo(one) {
  const at = one.id === marks.blocked ? ordered.length : ordered.findIndex(({ id }) => id === one.id);
  if (at >= 0) list.scrollTop = at * rowHeight - list.clientHeight / 2;
  drawList();
}

function zoom(factor, x = sizeOf(canvas).width / 2) {
  const column = view.left + x / view.scale;
  view.scale = clampScale(view.scale * factor);
  view.left = column - x / view.scale;
  redraw();
}

function pan(pixels) {
  view.left += pixels / view.scale;
  redraw();
}

let drag;
canvas.addEventListener("pointerdown", (event) => {
  drag = { x: event.offsetX, y: event.offsetY, left: view.left, top: view.top, isMoved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (drag !== undefined) {
    const [dx, dy] = [event.offsetX - drag.x, event.offsetY - drag.y];
    drag.isMoved ||= Math.abs(dx) + Math.abs(dy) > 4;
    view.left = drag.left - dx / view.scale;
    view.top = drag.top - dy;
    tip.hidden = true;
    return redraw();
  }
  const one = operationAt(event.offsetX, event.offsetY);
  if (one?.id !== marks.hovered) {
    marks.hovered = one?.id;
    canvas.style.cursor = one === undefined ? "grab" : "pointer";
    redraw();
  }
  tip.hidden = one === undefined;
  if (one === undefined) return undefined;
  fillDetails(tip, one);
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8))}px`;
  const below = event.clientY + 18;
  const isRoom = below + tip.offsetHeight < window.innerHeight;
  tip.style.top = `${isRoom ? below : event.clientY - tip.offsetHeight - 10}px`;
  return undefined;
});
canvas.addEventListener("pointerup", (event) => {
  const one = drag?.isMoved === false ? operationAt(event.offsetX, event.offsetY) : undefined;
  drag = undefined;
  if (one === undefined) return;
  marks.selected = one.id;
  showDetails(one);
  redraw();
});
canvas.addEventListener("pointerleave", () => {
  tip.hidden = true;
  marks.hovered = undefined;
  redraw();
});
canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX || event.deltaY);
    else zoom(Math.exp(-event.deltaY / 300), event.offsetX);
  },
  { passive: false },
);
const seek = (event) => {
  if (event.type === "pointermove" && event.buttons === 0) return;
  const column = (event.offsetX / sizeOf(overview).width) * layout.width;
  view.left = column - sizeOf(canvas).width / view.scale / 2;
  redraw();
};
overview.addEventListener("pointerdown", seek);
overview.addEventListener("pointermove", seek);
list.addEventListener("scroll", drawList);
for (const id of ["key", "client", "axis"]) {
  element(id).addEventListener("change", () => {
    relayOut();
    fit();
  });
}
element("search").addEventListener("input", search);
element("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextHit(event.shiftKey ? -1 : 1);
});
element("fit").addEventListener("click", fit);
element("in").addEventListener("click", () => zoom(1.5));
element("out").addEventListener("click", () => zoom(1 / 1.5));
element("blocked").addEventListener("click", () => jumpTo(data.blocked, readableScale()));
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = {
    ArrowLeft: () => pan(-80),
    ArrowRight: () => pan(80),
    ArrowUp: () => ((view.top -= view.lane), redraw()),
    ArrowDown: () => ((view.top += view.lane), redraw()),
    "+": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: fit,
    b: () => data.blocked !== null && jumpTo(data.blocked, readableScale()),
    "/": () => element("search").focus(),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
});
window.addEventListener("resize", () => {
  redraw();
  drawList();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = readColours();
  redraw();
});

function addChoices(id, choices) {
  for (const [value, text] of choices) element(id).add(new Option(text, value));
}

const keys = data.keys.filter((key) => key !== null);
addChoices(
  "key",
  keys.map((key) => [`:${key}`, key]),
);
const clients = [...new Set(operations.map(({ process }) => process))].sort((a, b) => a - b);
addChoices(
  "client",
  clients.map((client) => [String(client), `client ${client}`]),
);
element("blocked").hidden = data.blocked === null;
if (data.blocked !== null && operations[data.blocked].key !== undefined && keys.length > 1) {
  element("key").value = `:${operations[data.blocked].key}`;
}
relayOut();
fit();
if (data.blocked !== null) jumpTo(data.blocked, readableScale());
else if (layout.width > 400) {
  view.left = -1;
  view.scale = clampScale(readableScale());
  redraw();
}
