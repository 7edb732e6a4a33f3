/** The settings of a PostgreSQL deployment, checked once at the door. */

import { UsageError } from "../../foundation/errors.ts";

export interface PostgresqlSettings {
  /** Over how many connections the clients reach it, one statement at a time on each. */
  readonly connections: number;
}

/** Some tens of connections share one sync of the log; more of them cost processes. */
export const postgresqlDefaults: PostgresqlSettings = { connections: 24 };

const connectionsRange = [1, 200] as const;

/**
 * Returns the defaults with `overrides` in their place; settings of other implementations are passed over.
 *
 * @throws UsageError naming the setting, its value and what is allowed.
 */
export function resolvePostgresqlSettings(overrides: Readonly<Record<string, unknown>>): PostgresqlSettings {
  const connections = overrides["connections"] ?? postgresqlDefaults.connections;
  const [low, high] = connectionsRange;
  if (typeof connections === "number" && Number.isInteger(connections) && connections >= low && connections <= high) {
    return { connections };
  }
  const allowed = `allowed is a whole number in [${low}, ${high}]`;
  throw new UsageError(`Cannot use connections ${JSON.stringify(connections)} for postgresql: ${allowed}`);
}
