/**
 * PostgreSQL as an implementation of storage: what it can be subjected to, whether it is here, and how it is deployed.
 *
 * One server, as it was shipped and with all that durability needs: see `platform/node/postgresql-server.ts`, and
 * `single-server/` for why it is one and what is done to it. Connections are plain TCP.
 */

import { UsageError } from "../../foundation/errors.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { postgresqlProgram, postgresqlRefusal } from "../../platform/node/postgresql-server.ts";
import type { StorageImplementation } from "../../storage/contract.ts";
import { singleServerFaults } from "../single-server/single-server-faults.ts";
import { deploySingleServer } from "../single-server/single-server.ts";
import { createPostgresqlPeer } from "./postgresql-peer.ts";
import { resolvePostgresqlSettings } from "./postgresql-settings.ts";

const notInstalled =
  "postgresql is not installed: run `npm run peers` (Debian: apt-get install postgresql), or name its binary, or the folder that holds it and initdb, in GREY_POSTGRES";

export const postgresqlStorage: StorageImplementation = {
  module: "storage",
  name: "postgresql",
  faults: { cluster: singleServerFaults },
  durable: true,
  converges: true,
  checkSettings: (settings) => void resolvePostgresqlSettings(settings),
  available: () => Promise.resolve(found().refusal ?? true),
  deploy: async (options) => {
    if (options.substrate !== "cluster") {
      throw new UsageError("Cannot run postgresql in the simulator: it is a real process");
    }
    const settings = resolvePostgresqlSettings(options.settings ?? {});
    const { binary, refusal } = found();
    if (binary === undefined) throw new UsageError(`Cannot run postgresql: ${refusal ?? notInstalled}`);
    return deploySingleServer("postgresql", (server) => createPostgresqlPeer(binary, settings, server), options);
  },
};

function found(): { readonly binary?: string; readonly refusal?: string } {
  const binary = findExecutable(postgresqlProgram);
  if (binary === undefined) return { refusal: notInstalled };
  const refusal = postgresqlRefusal(binary);
  return refusal === undefined ? { binary } : { refusal };
}
