/**
 * Goal: a certificate says one name, for a day, and cannot issue others; nothing else is taken for an identity.
 * Method: read back what was issued with the runtime's own parser, which shares no code with the issuer.
 */

import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { PeerCertificate } from "node:tls";
import { test } from "node:test";
import { issueAuthority, issueCertificate } from "./certificates.ts";
import { identityOf } from "./identity.ts";

test("a certificate names its holder, is signed by its authority and holds for a day", async () => {
  const authority = await issueAuthority("test cluster");
  const { authorityPem, certificatePem, keyPem } = await issueCertificate(authority, "n1");
  const root = new X509Certificate(authorityPem);
  const certificate = new X509Certificate(certificatePem);
  assert.equal(certificate.subject, "CN=n1");
  assert.equal(certificate.subjectAltName, "DNS:n1");
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey) && root.verify(root.publicKey));
  assert.deepEqual([root.ca, certificate.ca], [true, false]);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(keyPem)));
  const forMs = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
  assert.ok(forMs > 0 && forMs <= 25 * 60 * 60 * 1000);
  assert.ok(certificate.validFromDate.getTime() <= Date.now() && certificate.validToDate.getTime() > Date.now());
});

test("authorities of the same name do not vouch for each other's holders", async () => {
  const [one, other] = [await issueAuthority("same name"), await issueAuthority("same name")];
  const certificate = new X509Certificate((await issueCertificate(one, "n1")).certificatePem);
  assert.equal(certificate.verify(new X509Certificate(other.certificatePem).publicKey), false);
});

test("an identity is exactly one name, the same in both places", () => {
  const certificate = (commonName: unknown, alternative?: string): PeerCertificate =>
    ({ subject: { CN: commonName }, subjectaltname: alternative }) as PeerCertificate;
  assert.equal(identityOf(certificate("n1", "DNS:n1")), "n1");
  for (const other of [
    certificate("n1"),
    certificate("n1", "DNS:n2"),
    certificate("n1", "DNS:n1, DNS:n2"),
    certificate(["n1", "n2"], "DNS:n1"),
    certificate(undefined, "DNS:undefined"),
    {} as PeerCertificate,
  ]) {
    assert.equal(identityOf(other), undefined);
  }
});
