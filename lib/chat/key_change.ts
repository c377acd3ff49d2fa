/**
 * When a sender's key changes.
 *
 * @module
 */

/** What becomes of a chain before its next frame. */
export type KeyChange = "none" | "step" | "chain";

/**
 * Compares who holds a chain's key with who is to read its next frame.
 *
 * @param holders Who holds it.
 * @param recipients Who is to read.
 * @param worn Whether the present step has been used for long enough.
 * @returns A fresh chain where somebody holds the key who is not to read; one step, which goes one way,
 * where somebody is to read who does not hold it.
 */
export function keyChange<T>(
  holders: ReadonlySet<T>,
  recipients: ReadonlySet<T>,
  worn: boolean,
): KeyChange {
  if (!holders.isSubsetOf(recipients)) return "chain";
  return worn || recipients.size > holders.size ? "step" : "none";
}
