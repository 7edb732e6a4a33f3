/**
 * The style sheet of `report.html`: light and dark, wide and narrow, screen and paper.
 *
 * Colours of verdicts have at least 4.5 : 1 against their ground in both schemes. Figures keep their light ground in
 * the dark scheme: they are pictures made for paper. Below 720 px each row of prose becomes a card whose cells name
 * themselves, and tables of numbers scroll sideways.
 */

export const reportStyle = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f7f9; --line: #dcdfe4; --text: #1b1d22; --muted: #5a606b; --link: #0b5cad;
  --good: #14633c; --good-ground: #dff3e7; --bad: #9b1c1c; --bad-ground: #fde4e1; --open: #7a4a00;
  --open-ground: #fdf0d2; --neutral: #454b55; --neutral-ground: #e9ebee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171b; --raised: #1d2025; --line: #353a43; --text: #e8eaed; --muted: #a5acb8; --link: #86b9f5;
    --good: #8fe0b2; --good-ground: #143524; --bad: #ffb4ab; --bad-ground: #451917; --open: #f5cf7f;
    --open-ground: #3d2e0c; --neutral: #c6ccd6; --neutral-ground: #2b3037;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 40px 32px 64px; max-width: 1200px; background: var(--ground); color: var(--text);
  font: 15px/1.55 Inter, system-ui, -apple-system, "Segoe UI", sans-serif;
}
h1 { margin: 0; font-size: 28px; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 56px 0 16px; font-size: 20px; line-height: 1.3; }
h3 { margin: 0 0 4px; font-size: 15px; }
h1, h2, h3, th, strong { font-weight: 600; }
p { margin: 0; max-width: 75ch; }
a { color: var(--link); text-underline-offset: 2px; }
a:focus-visible, code:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.muted, figcaption, caption { color: var(--muted); }
.run { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 8px; color: var(--muted); }
.headline { margin-top: 28px; font-size: 18px; font-weight: 600; }
.counts { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0 0; padding: 0; list-style: none; }
.counts li { flex: 1 1 140px; padding: 12px 16px; border-radius: 8px; }
.counts b { display: block; font-size: 26px; font-weight: 600; line-height: 1.2; }
.warnings { margin: 20px 0 0; padding: 14px 18px 14px 36px; border-radius: 8px; background: var(--open-ground); color: var(--open); }
.warnings li + li { margin-top: 4px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 24px 0 0; padding: 0; list-style: none; }
table { width: 100%; border-collapse: collapse; }
caption { padding-bottom: 10px; text-align: left; max-width: 75ch; }
th, td { padding: 10px 14px 10px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-top: 0; border-bottom: 1px solid var(--line); padding-top: 0; color: var(--muted); font-size: 13px; white-space: nowrap; }
tbody tr:first-child > * { border-top: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
tbody th { font-weight: 400; }
.claims col.claim { width: 32%; } .claims col.published { width: 15%; } .claims col.verdict { width: 150px; }
.measure + .measure { margin-top: 12px; }
.measure .small { display: block; margin: 0 0 2px; }
.claims td, .claims tbody th { overflow-wrap: anywhere; }
.claim-id { display: block; font-weight: 600; white-space: nowrap; }
.small { font-size: 13px; line-height: 1.45; color: var(--muted); }
td .small, th .small { display: block; margin-top: 3px; }
.badge { display: inline-block; padding: 2px 10px; border-radius: 12px; font-size: 13px; font-weight: 600; white-space: nowrap; }
.good { background: var(--good-ground); color: var(--good); } .bad { background: var(--bad-ground); color: var(--bad); }
.open { background: var(--open-ground); color: var(--open); }
.neutral { background: var(--neutral-ground); color: var(--neutral); }
code { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.command { display: inline-block; margin-top: 6px; padding: 3px 8px; border-radius: 5px; background: var(--raised); border: 1px solid var(--line); user-select: all; }
.figures { columns: 2 440px; column-gap: 24px; }
figure { break-inside: avoid; margin: 0 0 24px; padding: 12px 16px 16px; border: 1px solid var(--line); border-radius: 10px; background: #ffffff; }
figure svg { display: block; width: 100%; max-width: 520px; height: auto; margin: 0 auto; }
figure figcaption { margin-top: 12px; padding-top: 12px; border-top: 1px solid #e6e6e6; font-size: 13px; line-height: 1.5; color: #4a4f58; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 4px; }
footer { margin-top: 56px; padding-top: 16px; border-top: 1px solid var(--line); }
@media (max-width: 720px) {
  body { padding: 24px 16px 48px; }
  h1 { font-size: 23px; } h2 { margin-top: 44px; }
  .counts li { flex-basis: calc(50% - 6px); padding: 10px 14px; }
  .cards, .cards tbody, .cards tr, .cards td, .cards th, .cards caption { display: block; width: 100%; }
  .cards thead, .cards colgroup { display: none; }
  .cards tbody tr { padding: 12px 14px; border: 1px solid var(--line); border-radius: 10px; }
  .cards tbody tr + tr { margin-top: 12px; }
  .cards td, .cards tbody th { padding: 4px 0; border: 0; }
  .cards td.number { text-align: left; }
  .scroll table { width: max-content; min-width: 100%; }
  .scroll caption { position: sticky; left: 0; width: calc(100vw - 32px); }
  .scroll td { max-width: 60ch; }
  .cards td[data-label]::before { content: attr(data-label) "\\00a0\\00a0"; color: var(--muted); font-size: 13px; }
}
@page { margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; }
  .claims col.verdict { width: 120px; }
  .figures { columns: 2 240px; } .scroll { overflow: visible; }
  th, td { padding: 6px 8px 6px 0; }
  h2 { break-after: avoid; } tr, figure, .counts { break-inside: avoid; }
  thead { display: table-header-group; }
  .badge, .counts li, .warnings, .command { border: 1px solid currentColor; }
}
`;
