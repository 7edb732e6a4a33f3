/**
 * A run's events as a live list on a terminal: one line per experiment, under the running one what it does, how far it
 * is and how long everything will still take. Drawn by listr2.
 *
 * Experiments run one after the other, so each line's task just waits for its experiment's end. What must not scroll
 * away (warnings, written files) is printed below the list when it is closed: listr2 holds back foreign output while
 * it draws.
 */

import { Listr, ListrLogger, ProcessOutput } from "listr2";
import type { ListrDefaultRendererLogLevels } from "listr2";
import { unreachable } from "../../implementations/foundation/assert.ts";
import type { Validity } from "../check/verdict.ts";
import type { PlannedExperiment, RunEvent } from "../run-events.ts";
import { formatDurationS } from "./quantities.ts";
import { RemainingTime } from "./remaining-time.ts";

interface Line {
  readonly planned: PlannedExperiment;
  readonly end: PromiseWithResolvers<End>;
  /** Sets the text under the line; undefined until the line's task runs. */
  output: ((text: string) => void) | undefined;
}

type End =
  { readonly kind: "finished"; readonly validity: Validity; readonly summary: string } | { readonly kind: "left" };

export class LiveProgress {
  readonly #write: (line: string) => void;
  readonly #nowMs: () => number;
  readonly #terminal: NodeJS.WriteStream | undefined;
  readonly #remaining = new RemainingTime();
  readonly #lines = new Map<string, Line>();
  readonly #below: string[] = [];
  #drawing: Promise<unknown> | undefined;
  #label = "";
  #announcement = "";

  /**
   * @param write prints a line above or below the list, never while it is drawn.
   * @param terminal where the list is drawn; the process's own by default.
   */
  constructor(write: (line: string) => void, nowMs: () => number, terminal?: NodeJS.WriteStream) {
    this.#write = write;
    this.#nowMs = nowMs;
    this.#terminal = terminal;
  }

  show(event: RunEvent): void {
    this.#remaining.follow(event, this.#nowMs());
    switch (event.kind) {
      case "planned":
        if (event.directory !== undefined) this.#write(`Writing to ${event.directory}`);
        this.#draw(event.experiments);
        return;
      case "experiment-started":
        return;
      case "block-started":
        this.#label = `block ${event.block + 1} of ${event.blocks}: ${event.label}`;
        this.#output(event.experiment, "");
        return;
      case "block-progress":
        this.#output(event.experiment, ` · ${Math.floor(event.fraction * 100)} % ${event.text}`.trimEnd());
        return;
      case "block-finished":
        if (event.validity !== "valid") {
          this.#below.push(`${event.experiment}, block ${event.block + 1}: ${event.validity}, ${event.summary}`);
        }
        return;
      case "experiment-finished":
        this.#lines.get(event.id)?.end.resolve({ kind: "finished", validity: event.validity, summary: event.summary });
        return;
      case "note":
        this.#below.push(event.level === "warning" ? `warning: ${event.text}` : event.text);
        return;
      case "written":
        this.#below.push(`wrote ${event.path}`);
        return;
      default:
        unreachable(event);
    }
  }

  /** Shows `text` at once, in the list while it is drawn. */
  announce(text: string): void {
    if (this.#drawing === undefined) {
      this.#write(text);
      return;
    }
    this.#announcement = text;
    for (const line of this.#lines.values()) line.output?.(text);
  }

  /** Ends the drawing; experiments that did not finish are shown as not run. */
  async close(): Promise<void> {
    for (const { end } of this.#lines.values()) end.resolve({ kind: "left" });
    await this.#drawing;
    this.#drawing = undefined;
    for (const line of this.#below.splice(0)) this.#write(line);
  }

  #draw(experiments: readonly PlannedExperiment[]): void {
    for (const planned of experiments) {
      this.#lines.set(planned.id, { planned, end: Promise.withResolvers<End>(), output: undefined });
    }
    const list = new Listr(
      [...this.#lines.values()].map((line) => ({
        title: `${line.planned.id}: ${line.planned.title}`,
        task: async (_context: unknown, task: { title: string; output: string; skip(text: string): void }) => {
          line.output = (text) => (task.output = text);
          const end = await line.end.promise;
          line.output = undefined;
          if (end.kind === "left") {
            task.skip(`${line.planned.id}: not run to its end`);
            return;
          }
          task.title = `${line.planned.id}: ${end.summary}`;
          if (end.validity !== "valid") throw new Error(`${line.planned.id}: ${end.validity}, ${end.summary}`);
        },
      })),
      {
        concurrent: false,
        exitOnError: false,
        registerSignalListeners: false,
        ...(this.#terminal === undefined ? {} : { forceTTY: true }),
        rendererOptions: {
          formatOutput: "truncate",
          ...(this.#terminal === undefined
            ? {}
            : {
                logger: new ListrLogger<ListrDefaultRendererLogLevels>({
                  processOutput: new ProcessOutput(this.#terminal, this.#terminal),
                }),
              }),
        },
      },
    );
    this.#drawing = list.run();
  }

  #output(id: string, progress: string): void {
    const leftS = this.#remaining.leftS(this.#nowMs());
    const left = leftS === undefined || leftS < 1 ? "" : ` · about ${formatDurationS(leftS)} left`;
    const announcement = this.#announcement === "" ? "" : ` · ${this.#announcement}`;
    this.#lines.get(id)?.output?.(`${this.#label}${progress}${left}${announcement}`);
  }
}
