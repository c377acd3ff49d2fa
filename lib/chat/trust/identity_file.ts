/**
 * The file of a long-lived identity.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable, shellPath } from "../../base/printable.ts";
import { fileFailure } from "../../os/errors.ts";
import { readKeyFile, withKeyFailures } from "../../os/key_files.ts";
import { privateKeyOf, publicKeyOf, type RsaKey } from "../../rsa/key_formats.ts";
import { MODULUS_BOUNDS } from "../../rsa/rsa.ts";

/**
 * Reads an identity: an RSA private key of 2048 to 4096 bits, as `parley rsa keygen` makes it.
 *
 * @param path Where it is.
 * @throws {Failure} `KEY_FILE_OPEN` where others may read it, what is wrong with the key, or what the file system says.
 */
export async function readIdentity(path: string): Promise<CryptoKeyPair> {
  const key = await readKeyFile(path);
  const what = `cannot take ${printable(path)} as an identity`;
  refuseUnsuitable(key, what);
  return await withKeyFailures(path, async () => {
    const privateKey = await privateKeyOf(key, "pss512");
    await refuseOpen(path, what);
    return { privateKey, publicKey: await publicKeyOf(key, "pss512") };
  });
}

/** Refuses a key that no member of a room would take. */
function refuseUnsuitable({ modulusBits, exponent }: RsaKey, what: string): void {
  const { max } = MODULUS_BOUNDS;
  const why = modulusBits > max
    ? `it has ${modulusBits} bits, and the chat takes at most ${max}`
    : exponent !== 65537n
    ? `its exponent is ${exponent}, and the chat takes 65537 alone`
    : undefined;
  if (why === undefined) return;
  const hint = "make one for the chat in a new file: parley rsa keygen -o NEW_KEY";
  throw new Failure({ what, why, code: "KEY_UNSUITABLE", hint });
}

/** Refuses a private key that others may read, as SSH does. */
async function refuseOpen(path: string, what: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const { mode } = await Deno.stat(path).catch((error) => {
    throw fileFailure(error, what);
  });
  if (mode === null || (mode & 0o077) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  const why = `others than its owner may read it (mode ${bits})`;
  throw new Failure({
    what,
    why,
    code: "KEY_FILE_OPEN",
    hint: `chmod 600 ${printable(shellPath(path))}`,
  });
}
