/**
 * The list of those whom a server lets in: one fingerprint a line, with comments. No I/O.
 *
 * @module
 */

import { isFingerprint } from "./fingerprint.ts";

/** A line that is none. */
export class AllowListError extends Error {
  /** Makes the error of its reason and of the line, from 1. */
  constructor(readonly line: number, message: string) {
    super(message);
    this.name = "AllowListError";
  }
}

/**
 * Reads a list. Empty lines are passed over, and so is whatever stands behind a `#`.
 *
 * @param text The text of the file.
 * @returns The fingerprints.
 * @throws {AllowListError} Where a line is no fingerprint, saying which.
 */
export function readAllowList(text: string): ReadonlySet<string> {
  const fingerprints = new Set<string>();
  for (const [i, line] of text.replace(/^\ufeff/, "").split("\n").entries()) {
    const word = line.replace(/#.*$/s, "").trim();
    if (word === "") continue;
    if (!isFingerprint(word)) {
      throw new AllowListError(i + 1, "not one fingerprint, SHA256: and 43 characters");
    }
    fingerprints.add(word);
  }
  return fingerprints;
}
