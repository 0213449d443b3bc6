// node verify.mjs BUNDLE PUBLIC-KEY: has sigstore-js check the signature of a bundle. Exit 0: accepted, 1: refused.
//
// There is no log, time stamp or certificate authority in a certificate of ours, so all three thresholds are 0.
import { readFileSync } from "node:fs";
import { createPublicKey } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity, toTrustMaterial } from "@sigstore/verify";

const [bundleFile, keyFile] = process.argv.slice(2);
const key = createPublicKey(readFileSync(keyFile));
const trust = toTrustMaterial(
  { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] },
  () => ({ publicKey: key, validFor: () => true }),
);
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });

try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundleFile, "utf8")));
  verifier.verify(toSignedEntity(bundle));
} catch (error) {
  console.log(`refused: ${error.code ?? error.name}: ${error.message}`);
  process.exit(1);
}
console.log("accepted");
