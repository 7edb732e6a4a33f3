/**
 * A database of its own for one node on a PostgreSQL server that many may use.
 *
 * Its name is drawn, and lies in a file of the node's: whoever has lost the file has lost the data, as with any other
 * engine, and gets a new and empty database. What is left behind stays on the server, for whoever wants to look.
 */

import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import * as path from "node:path";
import { EngineError } from "../../foundation/engine-error.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "./clock.ts";
import { parseAddress } from "./postgresql-engine.ts";
import { PostgresqlPool } from "./postgresql-pool.ts";
import type { SqlEnd } from "./postgresql-pool.ts";
import type { PostgresqlAddress } from "./postgresql-server.ts";

const createLimitMs: Millis = 20_000;
const fileName = "database";

/**
 * Returns the address of the database that `directory` names, which is made where there is none.
 *
 * @param server "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"; the user may create databases.
 * @throws EngineError REFUSED when the server does not answer, or refuses; IO when the directory cannot be used.
 */
export async function ownDatabase(server: string, directory: string, node: string): Promise<PostgresqlAddress> {
  const address = parseAddress(server);
  const known = await readFile(path.join(directory, fileName), "utf8").catch(() => undefined);
  if (known !== undefined) return { ...address, database: known };
  const database = `grey_${node.replaceAll(/\W/g, "_")}_${randomBytes(6).toString("hex")}`;
  const end = await ask(address, `CREATE DATABASE "${database}" TEMPLATE template0`);
  if (end.kind !== "rows") {
    const why = end.kind === "error" ? end.message : "it does not answer";
    throw new EngineError("REFUSED", `Cannot make a database on ${address.host}:${address.port}: ${why}`);
  }
  try {
    await note(directory, database);
  } catch (cause) {
    throw new EngineError("IO", `Cannot note the database in ${directory}: ${String(cause)}`, { cause });
  }
  return { ...address, database };
}

function ask(address: PostgresqlAddress, text: string): Promise<SqlEnd> {
  const pool = new PostgresqlPool({ address, connections: 1, clock: nodeClock, maxWaiting: 1 });
  return new Promise((resolve) => {
    pool.query({ name: "grey-database", text }, [], createLimitMs, (end) => {
      pool.close();
      resolve(end);
    });
  });
}

/** Whole or not at all, and durable: a name that vanished with the power would be a lost disk. */
async function note(directory: string, database: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const temporary = path.join(directory, `${fileName}.new`);
  const file = await open(temporary, "w");
  try {
    await file.writeFile(database);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path.join(directory, fileName));
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
