/**
 * The commands for keys: `parley rsa keygen`, `fingerprint` and `inspect`.
 *
 * @module
 */

import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { Progress } from "../../os/input_output.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { checkPairWritable, readKeyFile, writePair } from "../../os/key_files.ts";
import { writeKeyPair } from "../../rsa/key_formats.ts";
import { exportSpki, fingerprint, generateRsaKeys, type ModulusBits } from "../../rsa/rsa.ts";
import type { RSA_FINGERPRINT, RSA_INSPECT, RSA_KEYGEN } from "./spec.ts";

/** Makes a key pair, and prints its fingerprint if it is written to files. */
export async function keygen({ options }: Input<typeof RSA_KEYGEN>, io: Io): Promise<number> {
  const { output, force, bits } = options;
  const toFiles = output !== undefined && output !== "-";
  if (toFiles) await checkPairWritable(output, force);
  using progress = new Progress(io, `making a key of ${bits} bits`);
  const keys = await generateRsaKeys("sign", Number(bits) as ModulusBits);
  const pair = await writeKeyPair(keys);
  if (!toFiles) {
    progress.done();
    writeAll(io.output, pair.privatePem + pair.publicPem);
    return 0;
  }
  await writePair(io, output, pair, force, progress);
  progress.done();
  printLines(io, [`${await fingerprint(await exportSpki(keys.publicKey))}`]);
  return 0;
}

/** Shows a key's fingerprint. */
export async function showFingerprint(
  { operands }: Input<typeof RSA_FINGERPRINT>,
  io: Io,
): Promise<number> {
  const { spki } = await readKeyFile(operands[0]!);
  printLines(io, [`${await fingerprint(spki)}`]);
  return 0;
}

/** Shows what a key file holds. */
export async function inspect(
  { options, operands }: Input<typeof RSA_INSPECT>,
  io: Io,
): Promise<number> {
  const { kind, format, modulusBits: bits, exponent, spki } = await readKeyFile(operands[0]!);
  // Usually 65537. An exponent too large for a JSON number is printed as text.
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
