/** The style sheet of the timeline's page: light and dark, one window without scrolling but for the order's list. */

export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f7f9; --line: #dcdfe4; --text: #1b1d22; --muted: #5a606b; --accent: #0b5cad;
  --good: #14633c; --good-ground: #dff3e7; --bad: #b3261e; --bad-ground: #fde4e1; --open: #7a4a00;
  --open-ground: #fdf0d2;
  --read: #4b7fb8; --read-ground: #e3eefa; --write: #3f8a5c; --write-ground: #dff2e5; --cas: #7b5fb0;
  --cas-ground: #ece5f8; --delete: #a8641f; --delete-ground: #fbead6; --append: #2b8286; --append-ground: #dbf1f1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171b; --raised: #1b1e23; --line: #353a43; --text: #e8eaed; --muted: #a5acb8; --accent: #86b9f5;
    --good: #8fe0b2; --good-ground: #143524; --bad: #ff8f85; --bad-ground: #4f1a17; --open: #f5cf7f;
    --open-ground: #3d2e0c;
    --read: #5f8fc4; --read-ground: #1f3147; --write: #58a577; --write-ground: #1a3626; --cas: #9a80cc;
    --cas-ground: #2f2645; --delete: #c48a4b; --delete-ground: #3d2b17; --append: #4fa5a9; --append-ground: #173638;
  }
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  display: grid; grid-template: auto auto minmax(0, 1fr) 56px / minmax(0, 1fr) 300px; gap: 0 16px; padding: 16px 20px;
  background: var(--ground); color: var(--text); font: 13px/1.45 Inter, system-ui, -apple-system, "Segoe UI", sans-serif;
}
header { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; }
h1 { margin: 0; font-size: 18px; line-height: 1.3; font-weight: 600; }
h2 { margin: 0 0 6px; font-size: 13px; font-weight: 600; }
.badge { padding: 2px 10px; border-radius: 12px; font-weight: 600; }
.valid { background: var(--good-ground); color: var(--good); }
.invalid { background: var(--bad-ground); color: var(--bad); }
.unknown { background: var(--open-ground); color: var(--open); }
.summary { flex-basis: 100%; margin: 2px 0 0; overflow-wrap: anywhere; }
.muted, dt, #count, #hits { color: var(--muted); }
.tools { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 8px; margin: 12px 0; }
.tools .gap { flex: 1; }
input, select, .tools button {
  height: 30px; padding: 0 10px; border: 1px solid var(--line); border-radius: 6px; background: var(--ground);
  color: var(--text); font: inherit;
}
select { max-width: 190px; }
input { width: 200px; }
.tools button { cursor: pointer; }
.tools button:hover { background: var(--raised); }
#blocked { border-color: var(--bad); color: var(--bad); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
canvas { display: block; width: 100%; height: 100%; }
#canvas { border: 1px solid var(--line); border-radius: 8px 8px 0 0; cursor: grab; touch-action: none; }
#overview { grid-column: 1; border: 1px solid var(--line); border-top: 0; border-radius: 0 0 8px 8px; cursor: ew-resize; }
aside { grid-area: 3 / 2 / 5 / 3; display: flex; flex-direction: column; gap: 16px; min-height: 0; }
#details b, #tip b { display: block; margin-bottom: 4px; font-weight: 600; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 10px; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
#order { display: flex; flex-direction: column; flex: 1; min-height: 0; }
#order[hidden] { display: none; }
#list { position: relative; flex: 1; min-height: 0; overflow-y: auto; border: 1px solid var(--line); border-radius: 8px; }
#rows { position: absolute; inset: 0 0 auto; }
.row {
  display: grid; grid-template-columns: 48px 1fr auto; gap: 8px; align-items: center; width: 100%; height: 24px;
  padding: 0 10px 0 0; border: 0; background: none; color: inherit; font: inherit; text-align: left; cursor: pointer;
}
.row span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row span:first-child { color: var(--muted); text-align: right; font-variant-numeric: tabular-nums; }
.row span:last-child { color: var(--muted); }
.row:hover { background: var(--raised); }
.row.selected { background: var(--read-ground); }
.row.blocked, .row.blocked span { background: var(--bad-ground); color: var(--bad); font-weight: 600; }
details { max-height: 40%; overflow: auto; }
summary { cursor: pointer; }
pre { margin: 6px 0 0; font: 11.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; overflow-x: auto; }
#tip {
  position: fixed; z-index: 1; max-width: 420px; padding: 8px 12px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--ground); box-shadow: 0 4px 16px rgb(0 0 0 / 0.18); pointer-events: none;
}
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; color: var(--muted); }
.legend span::before {
  content: ""; display: inline-block; width: 14px; height: 10px; margin-right: 5px; border: 1px solid var(--ink);
  border-radius: 3px; background: var(--fill); vertical-align: -1px;
}
@media (max-width: 900px) {
  body { grid-template: auto auto minmax(240px, 1fr) 48px auto / minmax(0, 1fr); height: auto; min-height: 100%; }
  aside { grid-area: auto; max-height: 420px; margin-top: 16px; }
}
`;
