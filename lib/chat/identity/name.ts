/**
 * The names of members: which are valid, and which count as the same.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { type Character, characterOf, isOneScript, looksOf } from "./looks.ts";

/** The maximum length of a name in characters (code points). */
export const MAX_NAME_LENGTH = 32;

/** The maximum number of combining marks on one letter. */
const MAX_MARKS = 2;

/**
 * The word that the chat uses for its own user. A member with this name could put words into the
 * user's mouth.
 */
const OWN_LABEL = "you";

/**
 * Converts a name to Unicode's compatibility form NFKC (UAX #15) and checks it.
 *
 * A name has no space, because `/msg bo I agree` would be ambiguous if a member could be called "bo
 * I", and no invisible characters. Its letters belong to one script, because a Cyrillic `о` among
 * Latin letters looks like an `o`.
 *
 * @param name The name as typed.
 * @returns The name in NFKC.
 * @throws {MalformedError} If the name is not valid; the message says why.
 *
 * @example
 * ```ts ignore
 * normalizeName("ｂｏ"); // "bo"
 * ```
 */
export function normalizeName(name: string): string {
  const normal = name.normalize("NFKC");
  const fault = faultOf(normal);
  if (fault !== undefined) throw new MalformedError(fault);
  return normal;
}

/** Returns why a text in NFKC is not a valid name; undefined if it is valid. */
function faultOf(name: string): string | undefined {
  // Do not split a text that is far too long.
  const length = name.length > 2 * MAX_NAME_LENGTH ? name.length : [...name].length;
  if (length === 0) return "a name has at least 1 character";
  if (length > MAX_NAME_LENGTH) {
    return `a name has at most ${MAX_NAME_LENGTH} characters, not ${length}`;
  }
  const characters = [...name].map(characterOf);
  if (!isWhole(characters)) {
    return "a name has no spaces, control, invisible or direction-changing characters";
  }
  if (characters[0]!.kind !== "L") return "a name starts with a letter or a digit";
  if (!isOneScript(characters)) {
    return "a name has letters of one script, or of Latin and one other";
  }
  if (mostMarks(name) > MAX_MARKS) return `a name has at most ${MAX_MARKS} marks on a letter`;
  if (lookAlike(name, OWN_LABEL)) {
    return `a name must not look like "${OWN_LABEL}", which the chat uses for yourself`;
  }
  return undefined;
}

function isWhole(characters: readonly (Character | undefined)[]): characters is Character[] {
  return !characters.includes(undefined);
}

/** Returns the length of the longest run of combining marks in the decomposed name (NFD). */
function mostMarks(name: string): number {
  let [most, row] = [0, 0];
  for (const char of name.normalize("NFD")) {
    row = characterOf(char)?.kind === "M" ? row + 1 : 0;
    most = Math.max(most, row);
  }
  return most;
}

/**
 * Returns the skeletons of a name: two names that share one cannot be told apart by sight.
 *
 * @param name A name.
 * @returns One or two skeletons.
 */
export function nameLooks(name: string): readonly string[] {
  return looksOf(name.normalize("NFKC"), foldName(name));
}

/** Reports whether two names look alike. */
export function lookAlike(name: string, other: string): boolean {
  const looks = nameLooks(other);
  return nameLooks(name).some((look) => looks.includes(look));
}

/**
 * Folds the case of a name: two names that fold to the same text count as the same name.
 *
 * @param name A name.
 * @returns The folded name in NFKC.
 */
export function foldName(name: string): string {
  // Upper case first: "ß" becomes "SS", and the Greek final sigma a plain one.
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}
