/**
 * Where the operations of the page go: a column for every event that is shown, a lane for every client. A client that
 * does nothing more gives its lane to the next one, so there are as many lanes as clients at a time, not as process
 * numbers.
 */

/** An operation of the page, from its row in the data. */
export function readOperations({ operations, keys }) {
  return operations.map(([process, key, f, text, outcome, call, end, callNs, endNs, version, rank, error], id) => {
    return {
      id,
      process,
      key: keys[key] ?? undefined,
      f,
      text,
      outcome,
      call,
      end,
      callNs,
      endNs,
      version,
      rank,
      error,
    };
  });
}

/**
 * Lays out `shown`, sorted by call.
 *
 * @returns the columns of every operation (`from`, `to`, `point`: where it took effect, if known), its lane, how many
 *   lanes and columns there are, and the positions by which columns translate into time.
 */
export function layOut(shown, byTime) {
  const lanes = new Map();
  const free = [];
  let laneCount = 0;
  const columnOf = byTime ? columnsOfTime(shown) : columnsOfEvents(shown);
  const lastCalls = new Map(shown.map(({ process, call }) => [process, call]));
  let ending = [];
  const placed = shown.map((operation) => {
    for (const { lane, end } of ending) if (end < operation.call) free.push(lane);
    ending = ending.filter(({ end }) => end >= operation.call);
    let lane = lanes.get(operation.process);
    if (lane === undefined) {
      lane = free.length > 0 ? free.splice(free.indexOf(Math.min(...free)), 1)[0] : laneCount++;
      lanes.set(operation.process, lane);
    }
    if (lastCalls.get(operation.process) === operation.call) {
      ending.push({ lane, end: operation.end < 0 ? operation.call : operation.end });
    }
    const from = columnOf(operation.call, operation.callNs);
    const isOpen = operation.end < 0;
    return { ...operation, lane, isOpen, from, to: isOpen ? undefined : columnOf(operation.end, operation.endNs) };
  });
  const width = placed.reduce((widest, { from, to = from }) => Math.max(widest, from, to), 1);
  closeOpen(placed, width);
  placePoints(placed);
  return { placed, laneCount: Math.max(1, laneCount), width };
}

/** An operation of unknown outcome has no end: it fades out, at the latest where its lane is used again. */
function closeOpen(placed, width) {
  const next = new Map();
  for (const operation of placed.toReversed()) {
    if (operation.isOpen) operation.to = Math.min(next.get(operation.lane) ?? width, operation.from + width / 4);
    next.set(operation.lane, operation.from);
  }
}

/** The moments of the linearization: each as early as those before it allow. */
function placePoints(placed) {
  const ordered = placed.filter(({ rank }) => rank >= 0).sort((a, b) => a.rank - b.rank);
  const now = new Map();
  for (const operation of ordered) {
    const point = Math.max(now.get(operation.key) ?? 0, operation.from);
    operation.point = point;
    now.set(operation.key, point);
  }
}

function columnsOfEvents(shown) {
  const events = shown.flatMap(({ call, end }) => (end < 0 ? [call] : [call, end])).sort((a, b) => a - b);
  const columns = new Map(events.map((event, column) => [event, column]));
  return (event) => columns.get(event);
}

function columnsOfTime(shown) {
  const start = shown[0]?.callNs ?? 0;
  return (_, ns) => (ns - start) / 1000;
}

/** The operations whose text, key, client or version contains what is searched. */
export function matches(operation, query) {
  const words = `${operation.text} ${operation.key ?? ""} client ${operation.process} ${operation.error ?? ""}`;
  return words.toLowerCase().includes(query);
}
