/**
 * Signatures on documents: RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 8017 section 8.1).
 *
 * The chat's identities sign with SHA-512 and a salt of 64, so that neither passes as the other.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import { privateKeyOf, publicKeyOf, type RsaKey } from "./key_file.ts";

const PSS = { name: "RSA-PSS", saltLength: 32 } as const;

/**
 * Signs a document.
 *
 * @param key A private key.
 * @param document Its bytes.
 * @returns As many bytes as the modulus has.
 * @throws {KeyFileError} Where the key is no private key.
 */
export async function signDocument(key: RsaKey, document: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "pss256");
  return new Uint8Array(await crypto.subtle.sign(PSS, privateKey, document));
}

/**
 * Whether a signature that {@linkcode signDocument}, or `openssl dgst`, made is right.
 *
 * @param key A public key, or a private one.
 * @param signature Its bytes.
 * @param document The document's bytes.
 */
export async function verifyDocument(
  key: RsaKey,
  signature: Bytes,
  document: Bytes,
): Promise<boolean> {
  return await crypto.subtle.verify(PSS, await publicKeyOf(key, "pss256"), signature, document);
}
