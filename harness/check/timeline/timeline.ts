/**
 * Draws a judged history as one HTML page that needs nothing else: no network, no other file. Operations as bars on the
 * lanes of their clients, in the order of events or in time; the order that was found as dots where each operation took
 * effect; and on `invalid` the longest linearizable prefix, and the operation that cannot be placed.
 *
 * The page draws on a canvas what its window shows, so it stays usable at ten thousand operations. Of longer histories
 * it holds the operations nearest to the blocked one, those of its key first, and says so.
 */

import { readFileSync } from "node:fs";

import type { NemesisEvent } from "../../history/format.ts";
import type { Operation } from "../../history/operations.ts";
import { describeOperation } from "../counterexample.ts";
import type { CheckResult } from "../verdict.ts";
import { pageStyle } from "./page-style.ts";

export interface TimelineInput {
  /** What is drawn: a file's name. */
  readonly title: string;
  readonly verdict: CheckResult;
  readonly operations: readonly Operation[];
  readonly nemesis: readonly NemesisEvent[];
  /** By key ("" where operations have none): the order that was found, on `invalid` of the longest prefix. */
  readonly orders: ReadonlyMap<string, readonly Operation[]>;
  readonly blocked: Operation | undefined;
}

const maxOperations = 20_000;

/** Returns the page. */
export function renderTimeline(input: TimelineInput): string {
  const { title, verdict } = input;
  const shown = selectOperations(input);
  const where = input.blocked === undefined ? "later ones" : "further from the blocked one";
  const left = input.operations.length - shown.length;
  const note = left === 0 ? "" : `${left} more, ${where}, are not on this page`;
  const data = JSON.stringify(dataOf(input, shown)).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}: ${verdict.validity}</title>
<style>${pageStyle}</style>
<header>
  <span class="badge ${verdict.validity}">${verdict.validity}</span>
  <h1>${escapeHtml(title)}</h1>
  <span id="count"></span><span class="muted">${escapeHtml(note)}</span>
  <p class="summary">${escapeHtml(verdict.summary)}</p>
</header>
<div class="tools">
  <select id="key" aria-label="Key"><option value="">all keys</option></select>
  <select id="client" aria-label="Client"><option value="">all clients</option></select>
  <select id="axis" aria-label="Axis"><option value="events">in order of events</option><option value="time">in time</option></select>
  <input id="search" type="search" placeholder="Search a value, f, error" aria-label="Search"><span id="hits"></span>
  <span class="gap"></span>
  <button id="blocked" title="b">Blocked operation</button>
  <button id="out" title="-" aria-label="Zoom out">−</button><button id="in" title="+" aria-label="Zoom in">+</button>
  <button id="fit" title="0">Whole history</button>
</div>
<canvas id="canvas" aria-label="Operations over the history; their details are listed beside it"></canvas>
<canvas id="overview" aria-label="The whole history"></canvas>
<aside>
  <div class="legend">${legend(shown)}</div>
  <div id="details"><span class="muted">Drag to move, turn the wheel to zoom, click for details. A bar that fades has an
    unknown outcome, a dashed one failed, a dot is where it took effect.</span></div>
  <div id="order"><h2>${input.blocked === undefined ? "The order found" : "The longest linearizable prefix"}</h2>
    <div id="list" tabindex="0"><div id="spacer"></div><div id="rows"></div></div></div>
  ${counterexample(verdict)}
</aside>
<div id="tip" hidden></div>
<script id="data" type="application/json">${data}</script>
<script type="module">${pageScript()}</script>
</html>
`;
}

function counterexample({ counterexample: text }: CheckResult): string {
  if (text === undefined) return "";
  return `<details><summary>In words</summary><pre>${escapeHtml(text)}</pre></details>`;
}

function legend(shown: readonly Operation[]): string {
  const drawnAs = { get: "read", put: "write" } as const;
  const functions = [...new Set(shown.map(({ f }) => f))].sort();
  return functions
    .map((f) => ({ f, colour: f === "get" || f === "put" ? drawnAs[f] : f }))
    .map(({ f, colour }) => `<span style="--ink:var(--${colour});--fill:var(--${colour}-ground)">${f}</span>`)
    .join("");
}

/** By call; with a limit, the nearest to the blocked one or to the start. */
function selectOperations({ operations, blocked }: TimelineInput): readonly Operation[] {
  if (operations.length <= maxOperations) return operations;
  const distanceTo = (operation: Operation): number => {
    if (blocked === undefined) return operation.call;
    return Math.abs(operation.call - blocked.call) + (operation.key === blocked.key ? 0 : 1e12);
  };
  const nearest = operations.toSorted((a, b) => distanceTo(a) - distanceTo(b)).slice(0, maxOperations);
  return nearest.sort((a, b) => a.call - b.call);
}

/** Rows of columns: names in every row would be most of the page. */
function dataOf({ orders, blocked, nemesis }: TimelineInput, shown: readonly Operation[]): unknown {
  const ranks = new Map<number, number>();
  for (const order of orders.values()) order.forEach(({ call }, rank) => ranks.set(call, rank));
  const keys = [...new Set(shown.map(({ key }) => key ?? null))];
  const keyIndexes = new Map(keys.map((key, index) => [key, index]));
  const endOf = (end: number): number => (Number.isFinite(end) ? end : -1);
  return {
    keys,
    operations: shown.map((operation) => [
      operation.process,
      keyIndexes.get(operation.key ?? null),
      operation.f,
      describeOperation({ ...operation, error: undefined }),
      operation.outcome,
      operation.call,
      endOf(operation.return),
      operation.callNs,
      endOf(operation.returnNs),
      operation.version ?? null,
      ranks.get(operation.call) ?? -1,
      operation.error ?? null,
    ]),
    blocked: blocked === undefined ? null : shown.findIndex(({ call }) => call === blocked.call),
    nemesis,
  };
}

/** The page's modules as one, since a page of its own can import nothing. */
function pageScript(): string {
  return ["lanes.js", "canvas.js", "page.js"]
    .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
    .map((text) => text.replaceAll(/^import .*$\n/gm, "").replaceAll(/^export /gm, ""))
    .join("\n");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
