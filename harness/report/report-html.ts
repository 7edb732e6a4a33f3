/**
 * `report.markup`: one offline file with everything a reader needs to believe, doubt and redo the run.
 *
 * Style, font and figures are inside; there is no script and nothing is fetched. Tables are real tables with scopes, so
 * that they read well aloud; on narrow screens the style turns their rows into cards.
 */

import { fontFaceRules } from "../chart/fonts.ts";
import { withoutEmbeddedFont } from "../chart/render.ts";
import type { Verdict } from "../claim/claim.ts";
import { countVerdicts, evidenceText, headline, measuredText, verdictSigns, warnings } from "./claim-text.ts";
import { Html, markup } from "./markup.ts";
import type { HtmlPart } from "./markup.ts";
import { formatCount } from "./number-text.ts";
import type { ReportClaim, ReportFigure, ReportInput, ReportMeasure } from "./report-input.ts";
import { checkTable, environmentTable, experimentTable, faultTable, performanceTable } from "./report-sections.ts";
import { reportStyle } from "./report-style.ts";

/** Returns the page. */
export function renderHtml(input: ReportInput): string {
  const sections = sectionsOf(input).filter(({ body }) => body !== undefined);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${input.title}</title>
<style>${new Html(fontFaceRules() + reportStyle)}</style>
</head>
<body>
<header>
<h1>${input.title}</h1>
${runFacts(input)}
<p class="headline">${headline(input.claims)}</p>
${verdictCounts(input.claims)}
${warningList(warnings(input))}
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>
${sections.map(
  ({ id, title, body }) => markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${body}</section>
`,
)}</main>
<footer class="small">Redo the whole run: <code class="command" tabindex="0">${input.run.command}</code></footer>
</body>
</html>
`;
  return page.toString();
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: HtmlPart;
}

function sectionsOf(input: ReportInput): readonly Section[] {
  return [
    { id: "claims", title: "Claims", body: input.claims.length === 0 ? undefined : claimTable(input.claims) },
    { id: "figures", title: "Figures", body: input.figures.length === 0 ? undefined : figureGrid(input.figures) },
    { id: "performance", title: "Performance on this machine", body: performanceTable(input.tables) },
    { id: "checks", title: "Correctness checks", body: checkTable(input.tables) },
    { id: "faults", title: "Injected faults", body: faultTable(input.tables) },
    { id: "experiments", title: "Experiments", body: experimentTable(input.experiments) },
    { id: "environment", title: "Environment", body: environmentTable(input.environment) },
  ];
}

function runFacts({ run }: ReportInput): Html {
  const facts = [
    `profile ${run.profile}`,
    `seed ${run.seed}`,
    run.gitSha === undefined ? "commit unknown" : `commit ${run.gitSha.slice(0, 12)}${run.dirty ? ", modified" : ""}`,
    `started ${readableTime(run.startedAt)}`,
    run.finishedAt === undefined ? "not finished" : `finished ${readableTime(run.finishedAt)}`,
  ];
  return markup`<div class="run">${facts.map((fact) => markup`<span>${fact}</span> `)}</div>`;
}

/** `2026-11-23T05:28:00.123Z` reads `2026-11-23 05:28:00 UTC`; anything else stays as it is. */
function readableTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/, "$1 $2 UTC");
}

const tones = {
  reproduced: "good",
  "not reproduced": "bad",
  inconclusive: "open",
  "not comparable": "neutral",
  "not run": "neutral",
} as const satisfies Record<Verdict, string>;

function verdictCounts(claims: readonly ReportClaim[]): Html {
  const counts = [...countVerdicts(claims)].filter(([, count]) => count > 0);
  return markup`<ul class="counts" aria-label="Claims by verdict">${counts.map(
    ([verdict, count]) =>
      markup`<li class="${tones[verdict]}"><b>${formatCount(count)}</b> ${verdictSigns[verdict]} ${verdict}</li>`,
  )}</ul>`;
}

function warningList(lines: readonly string[]): HtmlPart {
  if (lines.length === 0) return undefined;
  return markup`<ul class="warnings" role="status" aria-label="Warnings">${lines.map((line) => markup`<li>${line}</li>`)}</ul>`;
}

function claimTable(claims: readonly ReportClaim[]): Html {
  const headings = ["Claim", "Published", "Measured, and how it was judged", "Verdict"];
  return markup`<table class="cards claims" role="table">
<caption>Each published statement, what this run measured, and how that was judged. The command redoes one claim alone.</caption>
<colgroup><col class="claim"><col class="published"><col><col class="verdict"></colgroup>
<thead role="rowgroup"><tr role="row">${headings.map((title) => markup`<th scope="col" role="columnheader">${title}</th>`)}</tr></thead>
<tbody role="rowgroup">${claims.map(claimRow)}</tbody>
</table>`;
}

function claimRow(claim: ReportClaim): Html {
  return markup`
<tr role="row" id="claim-${claim.id}">
<th scope="row" role="rowheader"><span class="claim-id">${claim.id}</span>${claim.statement}${small(claim.source)}</th>
<td role="cell" data-label="Published">${claim.published}</td>
<td role="cell">${claim.measures.map((measure) => measureBlock(measure, claim.measures.length > 1))}${small(originOf(claim))}<code class="command" tabindex="0">${claim.command}</code></td>
<td role="cell"><span class="badge ${tones[claim.verdict]}">${verdictSigns[claim.verdict]} ${claim.verdict}</span>${small(claim.class)}</td>
</tr>`;
}

/** With several measures each shows its own verdict: the claim's is theirs together. */
function measureBlock(measure: ReportMeasure, several: boolean): Html {
  const { verdict, reason } = measure;
  const own = several
    ? markup` <span class="badge ${tones[verdict]}">${verdictSigns[verdict]} ${verdict}</span>`
    : undefined;
  return markup`<div class="measure"><strong>${measuredText(measure)}</strong>${own}${small(evidenceText(measure))}${reason}</div>`;
}

function small(text: HtmlPart): HtmlPart {
  return text === "" || text === undefined ? undefined : markup`<span class="small">${text}</span>`;
}

function originOf({ experiment, codeLink, capsule }: ReportClaim): Html {
  const parts: Html[] = [];
  if (experiment !== "") parts.push(markup`experiment ${experiment}`);
  if (codeLink !== undefined) parts.push(markup`code ${linkTo(codeLink, codeLink)}`);
  if (capsule !== undefined) parts.push(markup`capsule ${linkTo(capsule, capsule)}`);
  return markup`${parts.map((part, index) => (index === 0 ? part : markup`, ${part}`))}`;
}

/** A link, if its target is a path or a web address: anything else (`javascript:`, `data:`) is shown as text. */
function linkTo(target: string, text: string): Html {
  const safe = /^https?:\/\//.test(target) || /^[\w.][\w./#-]*$/.test(target);
  return safe ? markup`<a href="${target}">${text}</a>` : markup`${target}`;
}

function figureGrid(figures: readonly ReportFigure[]): Html {
  return markup`<div class="figures">${figures.map(
    ({ id, title, caption, svg }) => markup`
<figure id="figure-${id}" aria-label="${title}">${new Html(withoutEmbeddedFont(svg))}<figcaption>${caption}</figcaption></figure>`,
  )}</div>`;
}
