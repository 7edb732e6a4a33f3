/**
 * A PostgreSQL server for the engines of one deployment's nodes, where nobody named one: it begins and ends with the
 * deployment, also when the driver is killed.
 *
 * The nodes share it, each with a database of its own. A server of its own in every node's process was rejected: a node
 * that is killed would leave it running.
 */

import { rm } from "node:fs/promises";
import path from "node:path";
import { HarnessError, UsageError } from "../../foundation/errors.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { postgresqlProgram, PostgresqlServer } from "../../platform/node/postgresql-server.ts";
import { Links } from "../links.ts";

/** Of each node's engine, and one that makes its database; nodes may be replaced meanwhile. */
const connectionsPerNode = 10;

export class EngineServer {
  readonly #server: PostgresqlServer;
  /** Its process watches over the server's. */
  readonly #warden: Links;

  private constructor(server: PostgresqlServer, warden: Links) {
    this.#server = server;
    this.#warden = warden;
  }

  /** @throws UsageError when PostgreSQL is not installed; HarnessError when it does not start. */
  static async start(directory: string, nodes: number): Promise<EngineServer> {
    const binary = findExecutable(postgresqlProgram);
    if (binary === undefined) {
      throw new UsageError(
        "Cannot use engine postgresql: it is not installed; run `npm run peers`, or name a server by postgresqlUrl",
      );
    }
    const data = path.join(directory, "postgresql");
    await rm(data, { recursive: true, force: true });
    const warden = await Links.launch({ links: [], directory });
    try {
      const server = await PostgresqlServer.create({
        name: "postgresql of the nodes",
        binary,
        directory: data,
        connections: connectionsPerNode * nodes,
        onExit: () => undefined, // The nodes notice: their engines refuse.
        ward: (pid, watched) => (watched ? warden.ward(pid) : warden.unward(pid)),
      });
      if ((await server.start()) === undefined) throw new HarnessError("Cannot start postgresql: it was stopped");
      return new EngineServer(server, warden);
    } catch (error) {
      await warden.stop();
      throw error;
    }
  }

  get url(): string {
    const { host, port, user, password, database } = this.#server.address;
    return `postgresql://${user}:${password}@${host}:${port}/${database}`;
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#warden.stop();
  }
}
