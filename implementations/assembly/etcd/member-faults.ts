/** Faults that are signals to a member's process. */

import { faultHandle } from "../../foundation/fault-handle.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { EtcdMember } from "./etcd-member.ts";

/** A member and how many faults hold it down. */
export interface HeldSeat {
  readonly member: EtcdMember;
  heldDown: number;
}

/**
 * Ends the processes; healed, each starts again on the same data once no other fault holds it down.
 *
 * @param mayStart whether members may still be started then.
 */
export function takeDown(
  seats: readonly HeldSeat[],
  kind: "kill" | "graceful-restart",
  mayStart: () => boolean,
): FaultHandle {
  let count = 0;
  const ends = seats.map((seat) => {
    seat.heldDown++;
    if (seat.member.running) count++;
    // Also where it is not running: it may be about to.
    return kind === "graceful-restart" ? seat.member.stop() : seat.member.kill();
  });
  const down = Promise.all(ends);
  const release = (seat: HeldSeat): void => {
    seat.heldDown--;
    if (seat.heldDown === 0 && mayStart()) seat.member.start();
  };
  return faultHandle(
    "processes ended",
    () => count,
    () => void down.then(() => seats.forEach(release)),
  );
}

/** Stops the process where it stands; healed, it goes on. */
export function pause(member: EtcdMember): FaultHandle {
  const startMs = nodeClock.nowMs();
  const stopped = member.signal("SIGSTOP");
  let pausedMs: Millis | undefined;
  return faultHandle(
    "ms paused",
    () => (stopped ? Math.round(pausedMs ?? nodeClock.nowMs() - startMs) : 0),
    () => {
      pausedMs = nodeClock.nowMs() - startMs;
      member.signal("SIGCONT");
    },
  );
}
