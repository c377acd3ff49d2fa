/**
 * Fingerprints as people write them down.
 *
 * @module
 */

/** `SHA256:` and the unpadded base64 of 32 bytes: the last of 43 characters has two bits to spare. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;

/** Whether a text is the fingerprint of an identity. */
export function isFingerprint(text: string): boolean {
  return FINGERPRINT.test(text);
}
