/** A stream of the process as the commands see it; a reader that went away (EPIPE) is an end, not an error. */

import type { Output } from "./command.ts";

export interface ProcessOutput extends Output {
  /** Resolves when everything written has left the process, or can no longer leave it. */
  flushed(): Promise<void>;
}

/** @param closed called once, when the reader of `stream` has gone. Any other error of the stream is thrown. */
export function processOutput(stream: NodeJS.WriteStream, closed: () => void): ProcessOutput {
  let open = true;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (open) closed();
    open = false;
  });
  return {
    write: (text) => {
      if (open) stream.write(text);
    },
    isTTY: stream.isTTY ?? false,
    columns: stream.columns ?? 100,
    flushed: () => (open ? new Promise((resolve) => stream.write("", () => resolve())) : Promise.resolve()),
  };
}
