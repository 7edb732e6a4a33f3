/** Faults of a cluster whose nodes call each other directly, all in one thread. */

import { unreachable } from "../../foundation/assert.ts";
import { UsageError } from "../../foundation/errors.ts";
import { combinedHandle, faultHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { FaultyClock } from "../../platform/faulty-clock.ts";
import type { ThreadFault } from "../simulated/node-host.ts";
import type { CallGate } from "./call-gate.ts";

/** The place of one such node. */
export interface CalledSeat {
  /** Its clock, if it has one of its own. */
  readonly clock?: FaultyClock;
  /** Ends one fault's hold on the node, which starts again unless others hold it. */
  start(): void;
  /** @returns whether the node was up. */
  takeDown(orderly: boolean): boolean;
  pause(): FaultHandle;
  /** Of a node that executes tasks. */
  injectThread?(fault: ThreadFault): FaultHandle;
}

/** Begins a fault between or of the nodes; those on client links are the substrate's. @throws UsageError otherwise. */
export function injectIntoCalls(fault: Fault, gate: CallGate, seatOf: (id: NodeId) => CalledSeat): FaultHandle {
  switch (fault.kind) {
    case "cut":
      return gate.cut(fault.links);
    case "packet":
      return gate.disturb(fault.links, fault.fault);
    case "kill":
    case "graceful-restart":
    case "wipe": {
      const seats = fault.nodes.map(seatOf);
      const stopped = seats.filter((seat) => seat.takeDown(fault.kind === "graceful-restart")).length;
      // Also those that were down already: this fault held them down too.
      const heal = (): void => seats.forEach((seat) => seat.start());
      return faultHandle("nodes stopped", () => stopped, heal);
    }
    case "pause":
      return combinedHandle(fault.nodes.map((id) => seatOf(id).pause()));
    case "clock":
      return combinedHandle(fault.nodes.map((id) => clockOf(seatOf(id)).inject(fault.fault)));
    case "disk":
      throw new UsageError(`Cannot inject ${fault.fault.kind} into a minimal node: it has no disk`);
    case "thread":
      return combinedHandle(fault.nodes.map((id) => injectThread(seatOf(id), fault)));
    case "membership":
      throw new UsageError(`Cannot ${fault.change} minimal nodes: a minimal cluster has the members it began with`);
    default:
      return unreachable(fault);
  }
}

function clockOf({ clock }: CalledSeat): FaultyClock {
  if (clock === undefined) throw new UsageError("Cannot disturb the clock of such a minimal node: it has none");
  return clock;
}

function injectThread(seat: CalledSeat, fault: ThreadFault): FaultHandle {
  const handle = seat.injectThread?.(fault);
  if (handle === undefined) throw new UsageError(`Cannot ${fault.change} a thread of such a minimal node: it has none`);
  return handle;
}
