/** Draws what the window shows: lanes, operations, the order of the linearization, the nemesis, the overview. */

export const axisHeight = 38;

/** The colours of the scheme in force. */
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ground", "raised", "line", "text", "muted", "bad", "bad-ground", "accent", "open"];
  const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  for (const f of ["read", "write", "cas", "delete", "append"]) {
    colours[f] = {
      line: style.getPropertyValue(`--${f}`).trim(),
      fill: style.getPropertyValue(`--${f}-ground`).trim(),
    };
  }
  return { ...colours, get: colours.read, put: colours.write };
}

/**
 * @param view `left`: the first column, `scale`: pixels per column, `top`: pixels scrolled down, `lane`: their height.
 * @param marks what is emphasised: `blocked`, `selected` and `hovered` are ids, `found` a set of them.
 */
export function draw(context, size, layout, view, colours, marks, nemesis) {
  const { width, height } = size;
  context.clearRect(0, 0, width, height);
  context.font = '12px Inter, system-ui, "Segoe UI", sans-serif';
  context.textBaseline = "middle";
  const xOf = (column) => (column - view.left) * view.scale;
  const yOf = (lane) => axisHeight + lane * view.lane - view.top;
  const sizes = { lane: view.lane, bar: Math.min(26, view.lane - 8) };
  drawLanes(context, size, layout, colours, yOf, view.lane);
  drawNemesis(context, size, colours, nemesis, xOf);
  const visible = layout.placed.filter(({ from, to, lane }) => {
    return xOf(to) >= -20 && xOf(from) <= width + 20 && yOf(lane) > -view.lane && yOf(lane) < height;
  });
  const isOnTop = ({ id }) => id === marks.blocked || id === marks.selected;
  for (const operation of [...visible.filter((one) => !isOnTop(one)), ...visible.filter(isOnTop)]) {
    drawOperation(context, operation, colours, marks, xOf, yOf, sizes);
  }
  if (view.scale > 3) drawOrder(context, visible, colours, xOf, (lane) => yOf(lane) + (sizes.lane + sizes.bar) / 2 - 3);
  drawClients(context, visible, colours, xOf, (lane) => yOf(lane) + sizes.lane / 2);
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, width, axisHeight - 2);
  drawAxis(context, size, view, colours, layout);
  for (const { text, column } of nemesis) {
    if (xOf(column) < 0 || xOf(column) > width) continue;
    context.fillStyle = colours.open;
    context.fillText(clip(text, 24), xOf(column) + 4, 9);
  }
}

function drawLanes(context, { width, height }, layout, colours, yOf, laneHeight) {
  for (let lane = 0; lane < layout.laneCount; lane++) {
    const y = yOf(lane);
    if (y < -laneHeight || y > height) continue;
    if (lane % 2 === 0) {
      context.fillStyle = colours.raised;
      context.fillRect(0, y, width, laneHeight);
    }
  }
}

function drawNemesis(context, { width, height }, colours, nemesis, xOf) {
  context.strokeStyle = colours.open;
  context.setLineDash([3, 3]);
  for (const { column } of nemesis) {
    const x = Math.round(xOf(column)) + 0.5;
    if (x < 0 || x > width) continue;
    line(context, x, 0, x, height);
  }
  context.setLineDash([]);
}

function drawOperation(context, operation, colours, marks, xOf, yOf, sizes) {
  const x = xOf(operation.from);
  const barWidth = Math.max(3, xOf(operation.to) - x);
  const y = yOf(operation.lane) + (sizes.lane - sizes.bar) / 2;
  const colour = colours[operation.f] ?? colours.read;
  const isBlocked = operation.id === marks.blocked;
  context.globalAlpha = marks.found !== undefined && !marks.found.has(operation.id) && !isBlocked ? 0.25 : 1;
  if (barWidth < 5 && !isBlocked && operation.id !== marks.selected) {
    // Thousands of them at a time: a plain stroke of colour, quickly drawn.
    context.globalAlpha *= 0.5;
    context.fillStyle = colour.line;
    context.fillRect(x, y, Math.max(1, barWidth - 1), sizes.bar);
    context.globalAlpha = 1;
    return;
  }
  context.beginPath();
  context.roundRect(x + 0.5, y + 0.5, barWidth - 1, sizes.bar - 1, Math.min(4, barWidth / 2));
  context.fillStyle = isBlocked ? colours["bad-ground"] : operation.outcome === "fail" ? colours.ground : colour.fill;
  context.strokeStyle = isBlocked ? colours.bad : colour.line;
  if (operation.isOpen) {
    context.fillStyle = fading(context, x, barWidth, context.fillStyle);
    context.strokeStyle = fading(context, x, barWidth, context.strokeStyle);
  }
  context.lineWidth = isBlocked || operation.id === marks.selected || operation.id === marks.hovered ? 2 : 1;
  context.setLineDash(operation.outcome === "fail" ? [3, 2] : []);
  if (barWidth > 3) context.fill();
  context.stroke();
  context.setLineDash([]);
  if (operation.id === marks.selected || (isBlocked && barWidth < 12)) {
    halo(context, x, y, barWidth, sizes.bar, isBlocked ? colours.bad : colours.accent);
  }
  if (barWidth > 30) {
    context.save();
    context.clip();
    context.fillStyle = isBlocked ? colours.bad : colours.text;
    context.fillText(operation.text, Math.max(x, 0) + 6, y + sizes.bar / 2 + 0.5);
    context.restore();
  }
  context.globalAlpha = 1;
}

/** So that a bar too narrow to be seen is seen. */
function halo(context, x, y, barWidth, barHeight, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(x - 3, y - 3, barWidth + 6, barHeight + 6, 6);
  context.stroke();
}

/** At the left edge, whose lane it is, where nothing is in the way. */
function drawClients(context, visible, colours, xOf, yOf) {
  const first = new Map();
  for (const operation of visible) if (!first.has(operation.lane)) first.set(operation.lane, operation);
  context.fillStyle = colours.muted;
  for (const { lane, process, from } of first.values()) {
    const text = `client ${process}`;
    if (xOf(from) > context.measureText(text).width + 18) context.fillText(text, 8, yOf(lane));
  }
}

function fading(context, x, barWidth, colour) {
  const gradient = context.createLinearGradient(x, 0, x + barWidth, 0);
  gradient.addColorStop(0, colour);
  gradient.addColorStop(0.4, colour);
  // The same colour without opacity: "transparent" is a black one, and its shade would show.
  gradient.addColorStop(1, `${colour}00`);
  return gradient;
}

/** The order that was found, as dots where each operation took effect, with lines between neighbours in view. */
function drawOrder(context, visible, colours, xOf, yOf) {
  const ordered = visible.filter(({ point }) => point !== undefined).sort((a, b) => a.rank - b.rank);
  const seen = new Map();
  context.strokeStyle = colours.muted;
  context.lineWidth = 1;
  const spots = ordered.map((operation) => {
    const same = seen.get(operation.point) ?? 0;
    seen.set(operation.point, same + 1);
    const right = Math.max(xOf(operation.from) + 2, xOf(operation.to) - 3);
    return { operation, x: Math.min(right, xOf(operation.point) + 2 + Math.min(same * 5, 20)), y: yOf(operation.lane) };
  });
  context.globalAlpha = 0.45;
  for (let index = 1; index < spots.length; index++) {
    const [before, spot] = [spots[index - 1], spots[index]];
    const isNext = spot.operation.rank === before.operation.rank + 1 && spot.operation.key === before.operation.key;
    if (isNext) line(context, before.x, before.y, spot.x, spot.y);
  }
  context.globalAlpha = 1;
  for (const { x, y } of spots) {
    context.fillStyle = colours.text;
    context.beginPath();
    context.arc(x, y, 2.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawAxis(context, { width }, view, colours, layout) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  line(context, 0, axisHeight - 2.5, width, axisHeight - 2.5);
  const step = niceStep(90 / view.scale);
  context.fillStyle = colours.muted;
  for (let column = Math.ceil(view.left / step) * step; (column - view.left) * view.scale < width; column += step) {
    if (column < 0 || column > layout.width) continue;
    const x = Math.round((column - view.left) * view.scale) + 0.5;
    line(context, x, axisHeight - 7, x, axisHeight - 3);
    context.fillText(layout.labelOf(column), x + 4, axisHeight - 11);
  }
}

/** 1, 2 or 5 times a power of ten, at least `wanted`. */
function niceStep(wanted) {
  const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
  return [1, 2, 5, 10].find((factor) => factor * power >= wanted) * power;
}

/** The whole history in one strip: how much goes on, where the blocked operation is, what the window shows. */
export function drawOverview(context, { width, height }, layout, view, colours, marks, windowWidth) {
  context.clearRect(0, 0, width, height);
  const counts = new Uint32Array(Math.ceil(width));
  const scale = width / Math.max(1, layout.width);
  for (const { from, to } of layout.placed) {
    const last = Math.min(counts.length - 1, Math.floor(to * scale));
    for (let x = Math.floor(from * scale); x <= last; x++) counts[x]++;
  }
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  context.fillStyle = colours.line;
  counts.forEach((count, x) => {
    const bar = (count / most) * (height - 6);
    context.fillRect(x, height - bar, 1, bar);
  });
  context.fillStyle = colours.accent;
  for (const { id, from } of layout.placed) {
    if (marks.found?.has(id)) context.fillRect(from * scale, height - 6, 2, 6);
  }
  const blocked = layout.placed.find(({ id }) => id === marks.blocked);
  if (blocked !== undefined) {
    context.fillStyle = colours.bad;
    context.fillRect(Math.max(0, blocked.from * scale - 1), 0, 3, height);
  }
  const windowed = Math.max(4, (windowWidth / view.scale) * scale);
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.strokeRect(Math.max(1, view.left * scale), 1, Math.min(windowed, width - 2), height - 2);
}

function clip(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function line(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
