/**
 * Goal: every engine keeps the port's promises, so that what holds on the simulated one holds on RocksDB and
 * PostgreSQL. Method: one suite (`engine-suite.fixture.ts`) on all of them; PostgreSQL's is skipped where no server is
 * installed.
 */

import { after } from "node:test";
import { engineSuite } from "./engine-suite.fixture.ts";
import { PostgresqlTrial } from "./node/postgresql-trial.fixture.ts";
import { rocksEngine, simulatedEngine, simulatedEngineOnRealDisk } from "./engines.fixture.ts";

engineSuite("simulated engine", simulatedEngine);
engineSuite("simulated engine on a real disk", simulatedEngineOnRealDisk);
engineSuite("RocksDB", rocksEngine);

const postgresql = new PostgresqlTrial();
after(() => postgresql.end());
engineSuite("PostgreSQL", () => postgresql.engine(), postgresql.skip);
