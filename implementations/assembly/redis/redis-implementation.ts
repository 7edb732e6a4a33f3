/**
 * Redis as an implementation of storage: what it can be subjected to, whether it is here, and how it is deployed.
 *
 * One server with an append-only file that is synced before every answer: see `platform/node/redis-server.ts`, and
 * `single-server/` for why it is one and what is done to it. Connections are plain TCP: not every build of Redis has
 * TLS.
 */

import { UsageError } from "../../foundation/errors.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { redisProgram, redisRefusal } from "../../platform/node/redis-server.ts";
import type { StorageImplementation } from "../../storage/contract.ts";
import { singleServerFaults } from "../single-server/single-server-faults.ts";
import { deploySingleServer } from "../single-server/single-server.ts";
import { createRedisPeer } from "./redis-peer.ts";

const notInstalled =
  "redis is not installed: run `npm run peers` (Debian: apt-get install redis-server), or name its binary in GREY_REDIS";

export const redisStorage: StorageImplementation = {
  module: "storage",
  name: "redis",
  faults: { cluster: singleServerFaults },
  durable: true,
  converges: true,
  checkSettings: () => undefined, // It has none; those of other implementations are passed over.
  available: () => Promise.resolve(found().refusal ?? true),
  deploy: async (options) => {
    if (options.substrate !== "cluster") {
      throw new UsageError("Cannot run redis in the simulator: it is a real process");
    }
    const { binary, refusal } = found();
    if (binary === undefined) throw new UsageError(`Cannot run redis: ${refusal ?? notInstalled}`);
    return deploySingleServer("redis", (server) => createRedisPeer(binary, server), options);
  },
};

function found(): { readonly binary?: string; readonly refusal?: string } {
  const binary = findExecutable(redisProgram);
  if (binary === undefined) return { refusal: notInstalled };
  const refusal = redisRefusal(binary);
  return refusal === undefined ? { binary } : { refusal };
}
