/**
 * The common part of every node process's entry point: takes the driver's messages, has the implementation's host do
 * what they say, and ends the process when it is told to or cannot go on.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ModuleKit, ModuleTypes } from "../module-kit.ts";
import { ChildChannel } from "./child-channel.ts";
import type { Address, DriverMessage, ProcessConfiguration, ProcessEfficacy } from "./control.ts";

/** What a process's nodes tell the driver. */
export interface ProcessReports<Event> {
  trace(node: NodeId, event: Event): void;
  /** The node has recovered and takes part. */
  started(node: NodeId, repairs: readonly string[]): void;
  /** The node cannot run, and the process ends; `permanent`: no restart will help. */
  failed(node: NodeId, error: Error, permanent: boolean): void;
}

/** The nodes of one process, listening. */
export interface ProcessHost<State> {
  /** Where each of its nodes listens. */
  readonly ports: Readonly<Record<NodeId, number>>;
  /** Starts the nodes, which reach their peers there; again when there are more peers. */
  connect(peers: Readonly<Record<NodeId, Address>>): void;
  /** Begins a fault that the process performs on itself; undefined: it does nothing here. */
  inject(fault: Fault): FaultHandle | undefined;
  /** Calls `reached` at the moment, which waits for `resume`. */
  arm(moment: Moment, reached: (resume: () => void) => void): void;
  states(done: (states: readonly (readonly [NodeId, NodeState<State>])[]) => void): void;
  resources(): readonly NodeResources[];
  /** Ends the nodes orderly. */
  stop(done: () => void): void;
}

export type OpenHost<Types extends ModuleTypes> = (
  configuration: ProcessConfiguration,
  reports: ProcessReports<Types["event"]>,
) => Promise<ProcessHost<Types["state"]>>;

/** Runs this process as one that hosts nodes; it lives until the driver ends it or is gone. */
export function runNodeProcess<Types extends ModuleTypes>(kit: ModuleKit<Types>, open: OpenHost<Types>): void {
  new ProcessEntry(kit, open);
}

class ProcessEntry<Types extends ModuleTypes> {
  readonly #channel: ChildChannel<Types>;
  readonly #open: OpenHost<Types>;
  readonly #handles = new Map<number, FaultHandle>();
  readonly #resumes = new Map<number, () => void>();
  #host: ProcessHost<Types["state"]> | undefined;
  /** Its nodes have been started, so that they can be asked. */
  #hasNodes = false;
  /** Questions to nodes that came before. */
  readonly #early: (() => void)[] = [];

  constructor(kit: ModuleKit<Types>, open: OpenHost<Types>) {
    this.#open = open;
    this.#channel = new ChildChannel(kit.vocabulary.isUrgent, (message) => this.#handle(message));
  }

  #handle(message: DriverMessage): void {
    switch (message.kind) {
      case "configure":
        void this.#configure(message.configuration);
        return;
      case "connect":
        return this.#connect(message.peers);
      case "inject":
        return this.#inject(message);
      case "heal":
        this.#handles.get(message.handle)?.heal();
        return;
      case "arm":
        return this.#arm(message);
      case "resume":
        this.#resumes.get(message.number)?.();
        this.#resumes.delete(message.number);
        return;
      case "ask":
        return this.#answer(message.what, message.question);
      case "stop":
        return this.#stop();
      default:
        unreachable(message);
    }
  }

  async #configure(configuration: ProcessConfiguration): Promise<void> {
    const reports: ProcessReports<Types["event"]> = {
      trace: (node, event) => this.#channel.trace(node, event),
      started: (node, repairs) => this.#channel.send({ kind: "started", node, repairs }),
      failed: (node, error, permanent) => this.#fail(node, error, permanent),
    };
    try {
      this.#host = await this.#open(configuration, reports);
      this.#channel.send({ kind: "listening", ports: this.#host.ports });
    } catch (error) {
      this.#fail(configuration.hosted[0] ?? "", error instanceof Error ? error : new Error(String(error)), false);
    }
  }

  #connect(peers: Readonly<Record<NodeId, Address>>): void {
    this.#host?.connect(peers);
    this.#hasNodes = this.#host !== undefined;
    for (const answer of this.#early.splice(0)) answer();
  }

  #inject({ fault, handle: number }: Extract<DriverMessage, { kind: "inject" }>): void {
    const handle = this.#host?.inject(fault);
    if (handle !== undefined) this.#handles.set(number, handle);
  }

  #arm({ moment, number }: Extract<DriverMessage, { kind: "arm" }>): void {
    this.#host?.arm(moment, (resume) => {
      this.#resumes.set(number, resume);
      this.#channel.flush();
      this.#channel.send({ kind: "reached", number });
    });
  }

  #answer(what: Extract<DriverMessage, { kind: "ask" }>["what"], question: number): void {
    this.#channel.flush();
    switch (what) {
      case "states":
        if (!this.#hasNodes) this.#early.push(() => this.#answer(what, question));
        else this.#host?.states((states) => this.#channel.send({ kind: "answer", question, value: { states } }));
        return;
      case "resources":
        this.#channel.send({ kind: "answer", question, value: { resources: this.#host?.resources() ?? [] } });
        return;
      case "efficacy":
        this.#channel.send({ kind: "answer", question, value: { efficacy: this.#efficacy() } });
        return;
      default:
        unreachable(what);
    }
  }

  #stop(): void {
    const exit = (): void => this.#channel.exitAfter({ kind: "stopped", efficacy: this.#efficacy() }, 0);
    if (this.#host === undefined) exit();
    else this.#host.stop(exit);
  }

  #fail(node: NodeId, { message: reason }: Error, permanent: boolean): void {
    this.#channel.exitAfter({ kind: "failed", node, reason, permanent, efficacy: this.#efficacy() }, 1);
  }

  #efficacy(): ProcessEfficacy["efficacy"] {
    return [...this.#handles].map(([number, handle]) => [number, handle.efficacy()] as const);
  }
}
