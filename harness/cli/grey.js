#!/usr/bin/env node
/**
 * The way in, in plain JavaScript for any Node from 12 on: the sources are TypeScript that runs as it stands from
 * Node 24.12, so an older Node hands over to the one this package pins, or says in one line what to do.
 *
 * No `node:` prefix, no optional chaining, no top-level await: an old Node must be able to read this file.
 */

import { spawn } from "child_process";
import { existsSync } from "fs";
import { constants } from "os";
import { fileURLToPath } from "url";

const windows = process.platform === "win32";

/** From a clone the pinned Node is two folders up; installed as a package, it is hoisted beside this package. */
const pinnedNodes = ["../../node_modules/", "../../../"].map((modules) =>
  fileURLToPath(new URL(modules + "node/bin/node" + (windows ? ".exe" : ""), import.meta.url)),
);

if (isRecent(process.versions.node)) {
  import("./main.ts").catch((error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    process.stderr.write("grey is not installed completely: run `npm ci` first (" + firstLine(error.message) + ")\n");
    process.exitCode = 3;
  });
} else {
  const pinned = pinnedNodes.find((path) => existsSync(path));
  if (pinned === undefined) {
    process.stderr.write(
      "grey needs Node 24.12 or later, this is v" +
        process.versions.node +
        ": run it through npm, as `npm run -s grey -- ...`, after `npm ci`\n",
    );
    process.exitCode = 3;
  } else {
    handOver(pinned);
  }
}

function firstLine(text) {
  return text.split("\n")[0];
}

function isRecent(version) {
  const parts = version.split(".").map(Number);
  return parts[0] > 24 || (parts[0] === 24 && parts[1] >= 12);
}

/** Runs the same command under `node` and ends as it ends. The channel tells the child when this process is gone. */
function handOver(node) {
  const words = [fileURLToPath(import.meta.url)].concat(process.argv.slice(2));
  const child = spawn(node, words, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach((signal) => process.on(signal, () => child.kill(signal)));
  child.on("error", (error) => {
    process.stderr.write("grey cannot start " + node + ": " + error.message + "\n");
    process.exitCode = 3;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code === null ? 128 + constants.signals[signal] : code;
  });
}
