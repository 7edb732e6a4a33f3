/** What a task has thrown, as text. */

const maxMessageLength = 1000;

/** Returns what was thrown as text, whatever it is, and not more than a person wants to read. */
export function messageOf(thrown: unknown): string {
  let text: string;
  try {
    text = String(thrown instanceof Error ? thrown.message : thrown); // A message need not be a text.
  } catch {
    text = "something that cannot be shown"; // Its own toString throws.
  }
  return text.slice(0, maxMessageLength).toWellFormed(); // It may have been cut within a character.
}
