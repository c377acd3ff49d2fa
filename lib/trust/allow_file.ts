/**
 * The file of those whom a server lets in.
 *
 * @module
 */

import { Failure } from "../failure.ts";
import { printable } from "../printable.ts";
import { readWhole } from "../whole_file.ts";
import { AllowListError, readAllowList } from "./allow_list.ts";

/** The largest list that is read, in bytes: some 300,000 fingerprints. */
const MAX_FILE_BYTES = 16 << 20;

/**
 * Reads a list of fingerprints from a file.
 *
 * @param path Where it is.
 * @throws {Failure} `ALLOW_LIST_MALFORMED` with the line's number, or what the file system says.
 */
export async function readAllowFile(path: string): Promise<ReadonlySet<string>> {
  const bytes = await readWhole(path, MAX_FILE_BYTES);
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
