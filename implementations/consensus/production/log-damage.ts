/** The error with which a log store refuses to start: the disk lost data that it had confirmed. */

/**
 * Stored data that had been confirmed as durable is missing or altered. A node must not start on it: it would have
 * forgotten votes or entries that others count on. Restarting does not help.
 */
export class LogDamage extends Error {
  override readonly name = "LogDamage";
  readonly file: string;
  /** Where in the file, in bytes; 0 when the whole file is meant. */
  readonly offset: number;

  /** @param node whose log it is, for the message; the store itself does not need to know. */
  constructor(node: string, file: string, offset: number, expected: string, found: string) {
    super(
      `Cannot recover ${node}: ${file} damaged at byte ${offset}: expected ${expected}, found ${found}; ` +
        "the node's disk lost acknowledged data: restore the file, or replace the node as a member of the cluster",
    );
    this.file = file;
    this.offset = offset;
  }
}
