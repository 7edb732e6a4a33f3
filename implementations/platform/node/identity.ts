/**
 * Who a peer is: what its certificate says. Apart from issuing certificates, whose library takes long to load: a node
 * process reads identities and issues none.
 */

import type { PeerCertificate } from "node:tls";
import type { NodeId } from "../../foundation/units.ts";

/**
 * Returns whom a verified certificate names, or undefined when it does not name exactly one id, the same in its common
 * name and its alternative names.
 */
export function identityOf(certificate: PeerCertificate): NodeId | undefined {
  const name: unknown = (certificate as Partial<PeerCertificate>).subject?.CN;
  return typeof name === "string" && certificate.subjectaltname === `DNS:${name}` ? name : undefined;
}
