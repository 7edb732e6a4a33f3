/**
 * Places short labels above a plot so that none covers another: each starts where its window starts, in the lowest lane
 * that is free there. What fits in no lane is left out; its window is still shaded.
 */

import { textWidthPx } from "../../harness/chart/fonts.ts";

export interface LabelledStart {
  readonly text: string;
  /** From the plot's left edge. */
  readonly startPx: number;
}

export interface PlacedLabel {
  readonly text: string;
  readonly leftPx: number;
  /** 0 is next to the plot, higher lanes lie above. */
  readonly lane: number;
}

const maximumLanes = 4;
const gapPx = 6;

/**
 * Returns the labels that found room, none beyond the plot's edges unless it is wider than the plot.
 *
 * @param labels in ascending order of their starts.
 */
export function placeInLanes(labels: readonly LabelledStart[], plotPx: number, fontPx: number): readonly PlacedLabel[] {
  const occupiedToPx: number[] = [];
  const placed: PlacedLabel[] = [];
  for (const { text, startPx } of labels) {
    const widthPx = textWidthPx(text, fontPx);
    const leftPx = Math.max(0, Math.min(startPx, plotPx - widthPx));
    let lane = 0;
    while ((occupiedToPx[lane] ?? -Infinity) > leftPx) lane++;
    if (lane >= maximumLanes) continue;
    occupiedToPx[lane] = leftPx + widthPx + gapPx;
    placed.push({ text, leftPx, lane });
  }
  return placed;
}
