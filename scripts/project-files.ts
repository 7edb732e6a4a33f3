/**
 * The project's own sources, found on disk rather than through git, so that the checks also run in an unpacked archive.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder, absolute. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const rooms = ["implementations", "harness", "repro", "scripts"];

/** Returns the paths of all sources (TypeScript and JavaScript) from the root, with forward slashes, sorted. */
export function sourceFiles(): readonly string[] {
  return rooms
    .flatMap((room) =>
      readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).map((path) =>
        `${room}/${path}`.replaceAll("\\", "/"),
      ),
    )
    .filter((path) => /\.(ts|js)$/.test(path) && !path.includes("/node_modules/"))
    .toSorted();
}
