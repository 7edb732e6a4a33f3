/** The minimal implementation as the sequential model that histories of every store are judged against. */

export { applyToEntry } from "../../storage/minimal.ts";
