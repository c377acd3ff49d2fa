/**
 * Names of members: what may be one, and which two are the same.
 *
 * @module
 */

import { MalformedError } from "./bytes.ts";

/** The most characters (code points) of a name. */
export const MAX_NAME_LENGTH = 32;

/**
 * What no name holds: controls, format characters (bidirectional overrides, zero-width joiners),
 * surrogates, private and unassigned ones, every kind of space, and what is invisible by
 * default or in fact (U+2800). A space would make `/msg bo I agree` ambiguous once somebody is called "bo I".
 */
const NOT_IN_NAMES = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** What a screen calls the person before it: a member of that name could put words into one's mouth. */
const ONESELF = "you";

/**
 * A name as it travels: in Unicode's compatibility form NFKC (UAX #15).
 *
 * @param name What a person typed.
 * @throws {MalformedError} Where it is no name, saying why.
 *
 * @example
 * ```ts ignore
 * normalizeName("ｂｏ"); // "bo"
 * ```
 */
export function normalizeName(name: string): string {
  const normal = name.normalize("NFKC");
  const length = [...normal].length;
  if (length === 0) throw new MalformedError("a name has at least 1 character");
  if (length > MAX_NAME_LENGTH) {
    throw new MalformedError(`a name has at most ${MAX_NAME_LENGTH} characters, not ${length}`);
  }
  if (NOT_IN_NAMES.test(normal)) {
    throw new MalformedError(
      "a name has no spaces, control, invisible or direction-changing characters",
    );
  }
  if (/^\p{M}/u.test(normal)) {
    throw new MalformedError("a name does not start with a combining mark");
  }
  if (foldName(normal) === ONESELF) {
    throw new MalformedError(`a name is not "${ONESELF}", which is what a screen calls oneself`);
  }
  return normal;
}

/**
 * What two names have in common that a person takes for the same: NFKC and case folded.
 *
 * @param name A name.
 */
export function foldName(name: string): string {
  // Upper case first: "ß" becomes "SS", and the Greek final sigma a plain one.
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
