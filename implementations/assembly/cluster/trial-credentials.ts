/**
 * Credentials of a cluster of one, for the doctor: the very certificates a launch issues, so that what a machine
 * refuses shows before an experiment does.
 */

import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";
import type { Credentials } from "../../platform/node/certificates.ts";

/** Issues an authority and one certificate, for "n1". */
export async function issueTrialCredentials(): Promise<Credentials> {
  return issueCertificate(await issueAuthority("doctor"), "n1");
}
