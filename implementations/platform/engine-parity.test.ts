/**
 * Goal: every engine keeps the port's promises, so that what holds on the simulated one holds on RocksDB.
 * Method: one suite (`engine-suite.fixture.ts`) on all of them.
 */

import { engineSuite } from "./engine-suite.fixture.ts";
import { rocksEngine, simulatedEngine, simulatedEngineOnRealDisk } from "./engines.fixture.ts";

engineSuite("simulated engine", simulatedEngine);
engineSuite("simulated engine on a real disk", simulatedEngineOnRealDisk);
engineSuite("RocksDB", rocksEngine);
