// What @phala/dcap-qvl says of quotes. Reads lines "QUOTE COLLATERAL TIME ROOT", writes one line each: the status, or
// "refused: WHY". ROOT is a certificate in DER, or "-" for Intel's.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { verify, QuoteVerifier } = createRequire(import.meta.url)("@phala/dcap-qvl/src/verify.js");

for await (const line of createInterface({ input: process.stdin })) {
  const [quote, collateral, time, root] = line.split(" ");
  try {
    const bytes = new Uint8Array(readFileSync(quote));
    const json = JSON.parse(readFileSync(collateral, "utf8"));
    const result = root === "-"
      ? verify(bytes, json, Number(time))
      : new QuoteVerifier(readFileSync(root)).verify(bytes, json, Number(time));
    console.log((await result).status);
  } catch (error) {
    console.log(`refused: ${error.message.split("\n")[0]}`);
  }
}
