/** Whether servers refuse a client whose certificate another authority issued. */

import { connect } from "node:tls";
import { nodeClock } from "../../platform/node/clock.ts";
import type { Credentials } from "../../platform/node/certificates.ts";
import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";
import type { PeerAddress } from "../../platform/node/outgoing-link.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";

const limitMs = 3000;

/** Knocks at each of `addresses`, where the server named likewise in `names` listens. @returns how many refused. */
export async function refusesStrangers(
  addresses: readonly PeerAddress[],
  names: readonly NodeId[],
  authorityPem: string,
): Promise<number> {
  const stranger = await issueCertificate(await issueAuthority("stranger"), clientsEndpoint, ["127.0.0.1"]);
  const refusals = await Promise.all(
    addresses.map((address, index) => isRefused(address, names[index] ?? "", { ...stranger, authorityPem })),
  );
  return refusals.filter(Boolean).length;
}

/** The server's alert comes after the client's handshake is done, so the end is what counts, not the beginning. */
function isRefused(address: PeerAddress, servername: string, credentials: Credentials): Promise<boolean> {
  const { authorityPem: ca, certificatePem: cert, keyPem: key } = credentials;
  return new Promise((resolve) => {
    const socket = connect({ ...address, servername, ca, cert, key, minVersion: "TLSv1.3", ALPNProtocols: ["h2"] });
    const limit = nodeClock.after(limitMs, () => socket.destroy());
    let refused = false;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      refused = /^ERR_SSL_.*_ALERT_/.test(error.code ?? "");
    });
    socket.on("close", () => {
      limit.cancel();
      resolve(refused);
    });
    socket.resume();
  });
}
