/**
 * Names of members: what may be one, and which two are the same.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { type Character, characterOf, isOneScript, looksOf } from "./looks.ts";

/** The most characters (code points) of a name. */
export const MAX_NAME_LENGTH = 32;

/** The most marks that stand on one letter. */
const MAX_MARKS = 2;

/** What a screen calls the person before it: a member of that name could put words into one's mouth. */
const ONESELF = "you";

/**
 * A name as it travels: in Unicode's compatibility form NFKC (UAX #15).
 *
 * A name has no space, which would make `/msg bo I agree` ambiguous once somebody is called "bo I", and nothing that
 * does not show. Its letters are of one script, since a Cyrillic `о` among Latin letters looks like an `o`.
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
  const fault = faultOf(normal);
  if (fault !== undefined) throw new MalformedError(fault);
  return normal;
}

/** Why a text in NFKC is no name. */
function faultOf(name: string): string | undefined {
  // A text that is far too long is not looked at.
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
  if (!isOneScript(characters)) return "a name has letters of one script, or of one and Latin";
  if (mostMarks(name) > MAX_MARKS) return `a name has at most ${MAX_MARKS} marks on a letter`;
  if (lookAlike(name, ONESELF)) {
    return `a name does not look like "${ONESELF}", which is what a screen calls oneself`;
  }
  return undefined;
}

function isWhole(characters: readonly (Character | undefined)[]): characters is Character[] {
  return !characters.includes(undefined);
}

/** The most marks that stand one after the other, each letter taken apart from its own. */
function mostMarks(name: string): number {
  let [most, row] = [0, 0];
  for (const char of name.normalize("NFD")) {
    row = characterOf(char)?.kind === "M" ? row + 1 : 0;
    most = Math.max(most, row);
  }
  return most;
}

/**
 * What a name looks like, in one or two ways: names with a look in common are not told apart by sight.
 *
 * @param name A name.
 */
export function nameLooks(name: string): readonly string[] {
  return looksOf(name.normalize("NFKC"), foldName(name));
}

/** Whether two names look alike. */
export function lookAlike(name: string, other: string): boolean {
  const looks = nameLooks(other);
  return nameLooks(name).some((look) => looks.includes(look));
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
