/**
 * `parley rsa inspect`.
 *
 * @module
 */

import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { readKeyFile } from "../../os/key_files.ts";
import { fingerprint } from "../../rsa/rsa.ts";
import type { RSA_INSPECT } from "./spec.ts";

/** Shows what a key file holds. */
export async function run(
  { options, operands }: Input<typeof RSA_INSPECT>,
  io: Io,
): Promise<number> {
  const { kind, format, modulusBits: bits, exponent, spki } = await readKeyFile(operands[0]!);
  // 65537 as a rule; what a JSON number cannot hold is text.
  const shown = exponent <= Number.MAX_SAFE_INTEGER ? Number(exponent) : String(exponent);
  const key = { kind, format, bits, exponent: shown, fingerprint: await fingerprint(spki) };
  const lines = [
    `kind         RSA ${kind} key, ${format}`,
    `modulus      ${bits} bits`,
    `exponent     ${key.exponent}`,
    `fingerprint  ${key.fingerprint}`,
  ];
  if (options.json) printJson(io, key);
  else printLines(io, lines);
  return 0;
}
