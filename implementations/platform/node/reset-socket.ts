/** Resets a TCP connection, in every state a socket can be in. */

import type { Socket } from "node:net";

/**
 * Ends the connection at once: with a reset where that can be had, otherwise with an end.
 *
 * While the socket's own end is on its way (after `end()`, before "finish") the system refuses a reset, and Node's
 * `resetAndDestroy` then leaves the socket open for good: it kept a process alive that had nothing left to do.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
