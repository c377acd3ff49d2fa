/**
 * Reads the key file of a long-lived identity.
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
 * Reads an identity: an RSA private key of 2048 to 4096 bits with exponent 65537.
 *
 * @param path The path of the key file.
 * @returns The RSA-PSS key pair (SHA-512).
 * @throws {Failure} `KEY_FILE_OPEN` if other users may read the file, `KEY_UNSUITABLE` if the chat
 * cannot use the key, the fault of a malformed key, or the error of the file system.
 */
export async function readIdentity(path: string): Promise<CryptoKeyPair> {
  const key = await readKeyFile(path);
  const what = `cannot use ${printable(path)} as an identity`;
  refuseUnsuitable(key, what);
  return await withKeyFailures(path, async () => {
    const privateKey = await privateKeyOf(key, "pss512");
    await refuseOpen(path, what);
    return { privateKey, publicKey: await publicKeyOf(key, "pss512") };
  });
}

/** Throws if members of a room would refuse the key. */
function refuseUnsuitable({ modulusBits, exponent }: RsaKey, what: string): void {
  const { max } = MODULUS_BOUNDS;
  const why = modulusBits > max
    ? `it has ${modulusBits} bits; the chat accepts at most ${max}`
    : exponent !== 65537n
    ? `its exponent is ${exponent}; the chat accepts only 65537`
    : undefined;
  if (why === undefined) return;
  const hint = "make a key for the chat in a new file: parley rsa keygen -o NEW_KEY";
  throw new Failure({ what, why, code: "KEY_UNSUITABLE", hint });
}

/** Throws if other users may read the private key, as OpenSSH does. */
async function refuseOpen(path: string, what: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const { mode } = await Deno.stat(path).catch((error) => {
    throw fileFailure(error, what);
  });
  if (mode === null || (mode & 0o077) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  const why = `users other than its owner may read it (mode ${bits})`;
  throw new Failure({
    what,
    why,
    code: "KEY_FILE_OPEN",
    hint: `chmod 600 ${printable(shellPath(path))}`,
  });
}
