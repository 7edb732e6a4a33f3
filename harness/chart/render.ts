/**
 * Turns a Vega-Lite spec into SVG, PNG and PDF without a browser: the same bytes from the same spec on every machine.
 *
 * How: Vega-Lite compiles, Vega lays out and writes SVG with text measured by the vendored font, resvg rasterises,
 * svg-to-pdfkit draws the PDF. What could differ between two runs is removed here: counters of ids are reset, installed
 * fonts are not loaded, the PDF's date is fixed, and its streams are not compressed because zlib's output depends on
 * the processor.
 *
 * What this does not do: read tables or write files.
 */

import { Resvg } from "@resvg/resvg-js";
import PDFDocument from "pdfkit";
import SVGtoPDF from "svg-to-pdfkit";
import * as vega from "vega";
import { compile } from "vega-lite";
import type { TopLevelSpec } from "vega-lite";

import { fontFaceRules, fontFamily, fontPath, fontWeights, textWidthPx, weightOf } from "./fonts.ts";

export interface RenderedFigure {
  /** The complete spec with its data, indented JSON. */
  readonly vegaLite: string;
  /** With the font embedded. */
  readonly svg: string;
  readonly png: Uint8Array;
  readonly pdf: Uint8Array;
}

export interface FigureIdentity {
  readonly id: string;
  readonly title: string;
}

/** Pixels of the PNG per pixel of layout: a 400 px figure is 300 dots per inch at 100 mm. */
const pngScale = 3;
/** Points of the PDF per pixel of layout, as CSS defines them. */
const pointsPerPx = 0.75;
/** The PDF format asks for a date; the run's would change the bytes. */
const pdfDate = new Date(0);

/**
 * Returns every form of the figure.
 *
 * @throws Error from Vega-Lite or Vega when the spec is not valid: a bug of the figure's declaration.
 */
export async function renderFigure(identity: FigureIdentity, spec: TopLevelSpec): Promise<RenderedFigure> {
  const bareSvg = await renderSvg(identity, spec);
  return {
    vegaLite: `${JSON.stringify(spec, undefined, 2)}\n`,
    svg: embedFont(bareSvg),
    png: renderPng(bareSvg),
    pdf: await renderPdf(identity, bareSvg),
  };
}

/** Returns `svg` without the font that rendering embedded, for a page that brings the font once for all figures. */
export function withoutEmbeddedFont(svg: string): string {
  return svg.replace(/<defs><style>[^<]*<\/style><\/defs>/, "");
}

/** Returns the figure as SVG, without the font: what all its other forms are made of. Throws as `renderFigure` does. */
export async function renderSvg(identity: FigureIdentity, spec: TopLevelSpec): Promise<string> {
  measureWithVendoredFont();
  internals.resetSVGDefIds();
  const warnings: string[] = [];
  const logger = collectingLogger(warnings);
  const runtime = vega.parse(compile(spec, { logger }).spec);
  const view = new vega.View(runtime, { renderer: "none", logLevel: vega.Error });
  try {
    const svg = await view.runAsync().then(() => view.toSVG());
    if (warnings.length > 0) throw new Error(`Cannot render figure ${identity.id}: ${warnings.join("; ")}`);
    return withIdentity(svg, identity);
  } finally {
    view.finalize();
  }
}

/** What Vega exports from its scene graph and its type declarations leave out. */
interface SceneGraphInternals {
  readonly textMetrics: { width: (item: TextItem, text?: string | number | null) => number };
  readonly resetSVGDefIds: () => void;
}
interface TextItem {
  readonly fontSize?: number | null;
  readonly fontWeight?: unknown;
}
const internals = vega as unknown as SceneGraphInternals;

/** Idempotent. Vega keeps the function in a global, so whatever another library set is replaced before every figure. */
function measureWithVendoredFont(): void {
  internals.textMetrics.width = (item, text) =>
    textWidthPx(String(text ?? "").trim(), item.fontSize ?? 11, weightOf(item.fontWeight));
}

/** A warning of Vega-Lite is a mistake in a declaration (a field that does not exist, a scale that cannot merge). */
function collectingLogger(warnings: string[]): ReturnType<typeof vega.logger> {
  const logger = vega.logger(vega.Warn);
  logger.warn = (...messages: readonly unknown[]) => {
    warnings.push(messages.map(String).join(" "));
    return logger;
  };
  return logger;
}

/** Names the picture for screen readers, and makes its ids unique in a page that holds several figures. */
function withIdentity(svg: string, { id, title }: FigureIdentity): string {
  return (
    svg
      .replaceAll(/\bid="([^"]+)"/g, `id="${id}-$1"`)
      .replaceAll(/url\(#([^)]+)\)/g, `url(#${id}-$1)`)
      // Vega-Lite has no other word for solid, and pdfkit refuses a gap of zero.
      .replaceAll(' stroke-dasharray="1,0"', "")
      .replaceAll(/ font-family="[^"]*"/g, ` font-family="${fontFamily}"`)
      .replace("<svg ", `<svg role="img" aria-label="${escapeAttribute(title)}" `)
  );
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

function embedFont(svg: string): string {
  return svg.replace(/(<svg [^>]*>)/, (tag) => `${tag}<defs><style>${fontFaceRules()}</style></defs>`);
}

function renderPng(svg: string): Uint8Array {
  const resvg = new Resvg(svg, {
    fitTo: { mode: "zoom", value: pngScale },
    font: { loadSystemFonts: false, fontFiles: fontWeights.map(fontPath), defaultFontFamily: "Inter" },
  });
  return resvg.render().asPng();
}

function renderPdf({ title }: FigureIdentity, svg: string): Promise<Uint8Array> {
  const { widthPx, heightPx } = sizeOf(svg);
  const document = new PDFDocument({
    size: [widthPx * pointsPerPx, heightPx * pointsPerPx],
    margin: 0,
    compress: false,
    info: {
      Title: title,
      Producer: "Grey Distributed",
      Creator: "Grey Distributed",
      CreationDate: pdfDate,
      ModDate: pdfDate,
    },
  });
  for (const weight of fontWeights) document.registerFont(weight, fontPath(weight));
  const chunks: Uint8Array[] = [];
  const written = new Promise<Uint8Array>((resolve, reject) => {
    document.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    document.on("end", () => resolve(Buffer.concat(chunks)));
    document.on("error", reject);
  });
  SVGtoPDF(document, svg, 0, 0, {
    assumePt: false,
    fontCallback: (_family, bold) => (bold ? "semibold" : "regular"),
  });
  document.end();
  return written;
}

function sizeOf(svg: string): { widthPx: number; heightPx: number } {
  const [, width, height] = /<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? [];
  return { widthPx: Number(width), heightPx: Number(height) };
}
