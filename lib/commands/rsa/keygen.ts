/**
 * `parley rsa keygen`.
 *
 * @module
 */

import { printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { checkPairPlace, writePair } from "../../os/key_files.ts";
import { Progress } from "../../os/progress.ts";
import { writeKeyPair } from "../../rsa/key_formats.ts";
import { exportSpki, fingerprint, generateRsaKeys, type ModulusBits } from "../../rsa/rsa.ts";
import type { RSA_KEYGEN } from "./spec.ts";

/** Makes a key pair, and says its fingerprint where it went to files. */
export async function run({ options }: Input<typeof RSA_KEYGEN>, io: Io): Promise<number> {
  const { output, force, bits } = options;
  const toFiles = output !== undefined && output !== "-";
  if (toFiles) await checkPairPlace(output, force);
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
