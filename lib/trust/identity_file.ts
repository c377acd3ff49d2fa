/**
 * The file of a long-lived identity.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_base64.d.ts"
import { decodeBase64 } from "@std/encoding/base64";
import { Failure } from "../failure.ts";
import { printable } from "../printable.ts";
import { type Bytes, importIdentity, RsaKeyError } from "../rsa.ts";
import { readWhole } from "../whole_file.ts";

/** The largest key file that is read, in bytes. */
const MAX_FILE_BYTES = 64 << 10;

/**
 * Reads an identity: an RSA private key as PKCS#8 PEM, as `parley rsa keygen` makes it.
 *
 * @param path Where it is.
 * @throws {Failure} `KEY_FILE_OPEN` where others may read it, `KEY_FILE_MALFORMED` where it holds no such key, or what the
 * file system says.
 */
export async function readIdentity(path: string): Promise<CryptoKeyPair> {
  const bytes = await readWhole(path, MAX_FILE_BYTES);
  const what = `cannot take ${printable(path)} as an identity`;
  const { mode } = await Deno.stat(path);
  if (Deno.build.os !== "windows" && mode !== null && (mode & 0o077) !== 0) {
    const bits = (mode & 0o777).toString(8).padStart(4, "0");
    const why = `others than its owner may read it (mode ${bits})`;
    throw new Failure({ what, why, code: "KEY_FILE_OPEN", hint: `chmod 600 ${printable(path)}` });
  }
  try {
    return await importIdentity(pkcs8(new TextDecoder().decode(bytes)));
  } catch (error) {
    if (!(error instanceof RsaKeyError)) throw error;
    const hint = `make one: parley rsa keygen -o ${printable(path)}`;
    throw new Failure({ what, why: error.message, code: "KEY_FILE_MALFORMED", hint, cause: error });
  }
}

/** The DER within PEM (RFC 7468). */
function pkcs8(pem: string): Bytes {
  const body = /^-----BEGIN PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/m.exec(
    pem,
  );
  if (body === null) throw new RsaKeyError("it is not a private key in PKCS#8 PEM");
  return decodeBase64(body[1]!.replace(/\s/g, ""));
}
