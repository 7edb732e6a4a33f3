/**
 * The certificates of one deployment of etcd: of every member, under the addresses it is dialled by, and of the
 * clients.
 */

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { assert } from "../../foundation/assert.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { Credentials } from "../../platform/node/certificates.ts";
import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";

const loopback = "127.0.0.1";

export class EtcdIdentities {
  readonly #credentials: ReadonlyMap<NodeId, Credentials>;

  private constructor(credentials: ReadonlyMap<NodeId, Credentials>) {
    this.#credentials = credentials;
  }

  /** @param hosts the address under which all members know each. */
  static async issue(hosts: ReadonlyMap<NodeId, string>): Promise<EtcdIdentities> {
    const authority = await issueAuthority("grey etcd");
    // etcd looks for the address of whoever calls in the caller's certificate, too, and all call from loopback.
    const credentials = new Map([
      [clientsEndpoint, await issueCertificate(authority, clientsEndpoint, [loopback])] as const,
    ]);
    for (const [node, host] of hosts) credentials.set(node, await issueCertificate(authority, node, [loopback, host]));
    return new EtcdIdentities(credentials);
  }

  get authorityPem(): string {
    return this.#of(clientsEndpoint).authorityPem;
  }

  /** What the clients' side of a connection to `node` needs. */
  towards(node: NodeId): { readonly credentials: Credentials; readonly serverName: string } {
    return { credentials: this.#of(clientsEndpoint), serverName: node };
  }

  /** Writes the files etcd wants; the key is readable by nobody else, and all are gone with the run. */
  async write(node: NodeId, directory: string): Promise<void> {
    const { authorityPem, certificatePem, keyPem } = this.#of(node);
    await writeFile(path.join(directory, "authority.pem"), authorityPem);
    await writeFile(path.join(directory, "certificate.pem"), certificatePem);
    await writeFile(path.join(directory, "key.pem"), keyPem, { mode: 0o600 });
  }

  #of(id: NodeId): Credentials {
    const credentials = this.#credentials.get(id);
    assert(credentials !== undefined, `${id} has a certificate`);
    return credentials;
  }
}
