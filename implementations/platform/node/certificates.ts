/**
 * The identities of one cluster: an authority made at launch, and a certificate from it for every node and the clients.
 *
 * Membership of the cluster is holding a certificate of its authority, and a peer's name is what its certificate says.
 * Keys are ECDSA P-256, made anew for each launch, handed over in memory and valid for a day: there is nothing to
 * store, rotate or revoke. This is not a way to run an authority for longer than an experiment.
 *
 * @see RFC 5280 (certificate profile), RFC 8446 (TLS 1.3).
 */

import "./reflect-metadata.ts";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { NodeId } from "../../foundation/units.ts";

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" } as const;
const validForMs = 24 * 60 * 60 * 1000;
/** Certificates are valid from a little before their issue: processes may round the time differently. */
const validSinceMs = 60 * 1000;

/** Signs the certificates of one cluster. */
export interface Authority {
  readonly name: string;
  readonly certificatePem: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** What a process proves its identity with, and whom it believes. PEM texts; `keyPem` is a secret. */
export interface Credentials {
  readonly authorityPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Makes an authority of its own. */
export async function issueAuthority(name: string): Promise<Authority> {
  cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  });
  return { name, certificatePem: certificate.toString("pem"), keys };
}

/**
 * Issues a certificate for `id`, as a client and as a server.
 *
 * @param id stands in the common name and in the alternative name: letters, digits, dots and hyphens.
 * @param addresses at which others reach it, for those that go by address instead of by name.
 */
export async function issueCertificate(
  authority: Authority,
  id: NodeId,
  addresses: readonly string[] = [],
): Promise<Credentials> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    ...validity(),
    subject: [{ CN: [id] }],
    issuer: [{ CN: [authority.name] }],
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: id },
        ...addresses.map((value) => ({ type: "ip", value }) as const),
      ]),
    ],
  });
  return {
    authorityPem: authority.certificatePem,
    certificatePem: certificate.toString("pem"),
    keyPem: PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY"),
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

function validity(): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - validSinceMs), notAfter: new Date(now + validForMs) };
}
