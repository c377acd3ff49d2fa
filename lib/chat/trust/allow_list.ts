/**
 * The list of those whom a server lets in: one fingerprint a line, with comments. No I/O.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { fileFailure } from "../../os/errors.ts";
import { readWhole } from "../../os/files.ts";
import { directoryOf, HeldFile, readAll } from "../../os/held_file.ts";
import { isFingerprint } from "./known_peers.ts";

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

/** The largest list that is read, in bytes: some 300,000 fingerprints. */
const MAX_FILE_BYTES = 16 << 20;

/** The file of a list, which is read again and again. */
export interface AllowFile {
  /**
   * Whether the file is opened anew by its name each time, with the permission for it alone. Otherwise it is the
   * file that was opened first which is read again, with no permission.
   */
  readonly reopened: boolean;
  /**
   * Reads it.
   *
   * @throws {Failure} `ALLOW_LIST_MALFORMED` with the line's number, `REPLACED` where another file was put in the
   * place of the one that is open, or what the file system says.
   */
  read(): Promise<ReadonlySet<string>>;
}

/**
 * Opens the file of a list. Where the process may read this file and not those beside it, that permission is
 * worth keeping: a list that is saved by putting another file in its place is found then.
 *
 * @param path Where it is.
 * @param replaced Hears once that another file was put in the place of the one that is open, where that is noticed.
 * @throws {Failure} What the file system says, or `NOT_A_FILE`.
 */
export async function openAllowFile(
  path: string,
  replaced: (failure: Failure) => void = () => {},
): Promise<AllowFile> {
  if (isGrantedAlone(path)) {
    return { reopened: true, read: async () => parse(path, await readWhole(path, MAX_FILE_BYTES)) };
  }
  try {
    const held = await HeldFile.open(path, { replaced: () => replaced(replacedFailure(path)) });
    return { reopened: false, read: () => readHeld(path, held) };
  } catch (error) {
    throw fileFailure(error, `cannot read ${printable(path)}`);
  }
}

function isGrantedAlone(path: string): boolean {
  const granted = (path: string) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
  return granted(path) && !granted(directoryOf(path));
}

async function readHeld(path: string, held: HeldFile): Promise<ReadonlySet<string>> {
  if (held.replaced) throw replacedFailure(path);
  const what = `cannot read ${printable(path)}`;
  try {
    return parse(path, await readAll(held.file, MAX_FILE_BYTES));
  } catch (error) {
    if (!(error instanceof RangeError)) throw fileFailure(error, what);
    const why = `it has more than ${MAX_FILE_BYTES} bytes`;
    throw new Failure({ what, why, code: "FILE_TOO_LARGE", hint: "is it the right file?" });
  }
}

function replacedFailure(path: string): Failure {
  return new Failure({
    what: `cannot read ${printable(path)}`,
    why: "another file was put in its place, which the server may not open: start it again",
    code: "REPLACED",
    hint: "save the list in place while the server runs",
  });
}

function parse(path: string, bytes: Uint8Array): ReadonlySet<string> {
  try {
    return readAllowList(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof AllowListError)) throw error;
    throw new Failure({
      what: `cannot read ${printable(path)}`,
      why: `line ${error.line}: ${error.message}`,
      code: "ALLOW_LIST_MALFORMED",
      hint: "a line is a fingerprint, SHA256:…, and a comment starts with #",
    });
  }
}
