/** The common part of the peers' entry points: the host of a library, with the clients' TLS door in front of it. */

import { assert } from "../../../foundation/assert.ts";
import type { NodeState } from "../../../foundation/deployment.ts";
import { UsageError } from "../../../foundation/errors.ts";
import { seededRandom } from "../../../foundation/prng.ts";
import type { Millis } from "../../../foundation/units.ts";
import { nodeClock } from "../../../platform/node/clock.ts";
import type { SchedulerState } from "../../../scheduler/contract.ts";
import type { FoundTask, PeerEvents, PeerLibrary } from "../../../scheduler/peers/peer-library.ts";
import { resolveCall } from "../../../scheduler/peers/run-body.ts";
import type { ProcessConfiguration } from "../../cluster/control.ts";
import { openDoor } from "../../cluster/open-door.ts";
import { ownUsage } from "../../cluster/own-usage.ts";
import { runNodeProcess } from "../../cluster/process-entry.ts";
import { anyNode } from "../client.ts";
import { schedulerKit } from "../scheduler-kit.ts";
import { loadModule } from "./load-module.ts";
import { PeerHost } from "./peer-host.ts";
import type { PeerRules } from "./peer-rules.ts";
import { resolvePeerSettings } from "./peer-settings.ts";

export interface OpenedLibrary {
  readonly library: PeerLibrary;
  /** Tasks of earlier lives. */
  readonly found: readonly FoundTask[];
  /** Called once the host serves. */
  readonly start?: () => void;
}

export interface PeerProcess {
  readonly rulesOf: (settings: ProcessConfiguration["settings"]) => PeerRules;
  readonly open: (events: PeerEvents, configuration: ProcessConfiguration) => Promise<OpenedLibrary>;
}

/** A library that waits for what it is doing is not waited for: the process ends. */
const closeLimitMs: Millis = 1000;

/** Tokens of a life that forgets all the others: higher than any of theirs. */
export function firstTokenOf(life: number): number {
  return life * 2 ** 22;
}

export function runPeerProcess({ rulesOf, open }: PeerProcess): void {
  runNodeProcess(schedulerKit(anyNode), async (configuration, reports) => {
    const { hosted, settings, seed, life } = configuration;
    const [id] = hosted;
    assert(id !== undefined && hosted.length === 1, "a peer is one node");
    const { door, port } = await openDoor(configuration, id, seededRandom(`${seed}/peer/life ${life}`));
    const host = new PeerHost({
      ...resolvePeerSettings(settings),
      rules: rulesOf(settings),
      life,
      nowMs: () => nodeClock.nowMs(),
      send: (client, bytes) => door.send(client, bytes),
      trace: (event) => reports.trace(id, event),
      canCall: async (module, name) => (await resolveCall(loadModule, module, name)) !== undefined,
    });
    let library: PeerLibrary | undefined;
    let isConnected = false;
    const begin = async (): Promise<void> => {
      try {
        const opened = await open(host, configuration);
        library = opened.library;
        host.begin(opened.library, opened.found);
        opened.start?.();
        reports.started(id, []);
      } catch (error) {
        reports.failed(id, error instanceof Error ? error : new Error(String(error)), false);
      }
    };
    door.onMessage((client, bytes) => host.receive(client, bytes));
    return {
      ports: { [id]: port },
      connect: () => {
        if (!isConnected) void begin();
        isConnected = true;
      },
      inject: (fault) => {
        throw new UsageError(`Cannot inject ${fault.kind} into the process of a peer: it is not supported there`);
      },
      arm: () => undefined,
      states: (done) => done([[id, stateOf(host)]]),
      resources: () => [{ node: id, ...ownUsage(), counters: host.counters() }],
      stop: (done) => {
        host.end();
        const limit = nodeClock.after(closeLimitMs, () => stopped());
        let isStopped = false;
        const stopped = (): void => {
          limit.cancel();
          if (isStopped) return;
          isStopped = true;
          reports.trace(id, { kind: "stop", orderly: true });
          done();
        };
        void (library?.close() ?? Promise.resolve()).then(stopped);
      },
    };
  });
}

function stateOf(host: PeerHost): NodeState<SchedulerState> {
  return { kind: "state", state: host.state() };
}
