/**
 * The names of members: which are valid, which count as the same, and which look alike (UTS #39); and a registry of
 * members in which no two have names that are the same or look alike.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { CHARACTERS, CONFUSABLES, DIGITS, LAST_DIGITS, SCRIPT_SETS } from "./name_tables.ts";

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

/** The kind of a character: `L` a letter or number, `M` a nonspacing mark, `S` anything else. */
export type CharacterKind = typeof KINDS[number];

/** The kinds in the order of the tables. */
const KINDS = ["L", "M", "S"] as const;

/** The properties of a character that is allowed in names. */
export interface Character {
  readonly kind: CharacterKind;
  /**
   * The scripts that use it, with combined scripts such as `Jpan`; undefined if all scripts use it.
   */
  readonly scripts: ReadonlySet<string> | undefined;
}

interface Run extends Character {
  readonly start: number;
  readonly end: number;
}

/** Combined scripts to which a script also belongs (UTS #39 section 5.1). */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  Hani: ["Hanb", "Jpan", "Kore"],
  Hira: ["Jpan"],
  Kana: ["Jpan"],
  Hang: ["Kore"],
  Bopo: ["Hanb"],
};

/**
 * Scripts in common use (UAX #31 table 5) that may be mixed with Latin: all except Greek and
 * Cyrillic, whose letters look like Latin letters. UTS #39 section 5.2 calls this level "moderately
 * restrictive".
 */
const BESIDE_LATIN: ReadonlySet<string> = new Set(
  ("Arab Armn Beng Bopo Deva Ethi Geor Gujr Guru Hang Hani Hebr Hira Kana Knda Khmr Laoo Mlym Mymr Orya Sinh Taml " +
    "Telu Thaa Thai Tibt Hanb Jpan Kore").split(" "),
);

/**
 * Looks up a character.
 *
 * @param char One code point, which NFKC does not replace.
 * @returns Its properties, or undefined if no name may contain it: a control character, a space, or
 * an invisible character.
 */
export function characterOf(char: string): Character | undefined {
  const code = char.codePointAt(0)!;
  const runs = tables().runs;
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle]!.end <= code) low = middle + 1;
    else high = middle;
  }
  const run = runs[low];
  return run !== undefined && run.start <= code ? run : undefined;
}

/**
 * Reports whether the characters belong to one script, or to Latin and one script that is not
 * easily confused with Latin.
 *
 * @param characters The characters of a name.
 */
export function isOneScript(characters: readonly Character[]): boolean {
  const sets = characters.flatMap(({ scripts }) => scripts === undefined ? [] : [scripts]);
  if (sets.length === 0 || common(sets).size > 0) return true;
  const others = sets.filter((scripts) => !scripts.has("Latn"));
  return !common(others).isDisjointFrom(BESIDE_LATIN);
}

function common(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return sets.reduce((one, other) => one.intersection(other));
}

/**
 * Returns the skeletons of a name as written and of its lower case (UTS #39 section 4). Two names
 * look alike if they share a skeleton.
 *
 * @param name A name in NFKC.
 * @param folded The same name, case-folded.
 * @returns One or two skeletons.
 */
export function looksOf(name: string, folded: string): readonly string[] {
  return [...new Set([skeleton(name), skeleton(folded)].map((look) => look.toLowerCase()))];
}

/** A dot above a letter that has one: the two look the same (UTS #39 section 5.4). */
const SECOND_DOT = /(?<=[ij]\p{M}?)\u0307/gu;

/** Replaces each character by the prototype of all characters that look like it. */
function skeleton(text: string): string {
  const { prototypes } = tables();
  const skeleton = [...text.normalize("NFD")].map((char) => prototypes.get(char) ?? char).join("");
  return skeleton.normalize("NFD").replace(SECOND_DOT, "");
}

interface Tables {
  readonly runs: readonly Run[];
  readonly prototypes: ReadonlyMap<string, string>;
}

let read: Tables | undefined;

function tables(): Tables {
  return read ??= { runs: readRuns(), prototypes: readPrototypes() };
}

function readRuns(): Run[] {
  const sets = SCRIPT_SETS.split(";").map(scriptSet);
  const numbers = readNumbers(CHARACTERS);
  // Two numbers for each run, and then one more for each.
  const count = numbers.length / 3;
  let [end, set] = [0, 0];
  return numbers.slice(2 * count).map((mixed, i) => {
    const start = end + numbers[2 * i]!;
    end = start + numbers[2 * i + 1]! + 1;
    const distance = Math.floor(mixed / KINDS.length);
    set += distance & 1 ? ~(distance >> 1) : distance >> 1;
    return { start, end, kind: KINDS[mixed % KINDS.length]!, scripts: sets[set] };
  });
}

function scriptSet(row: string): ReadonlySet<string> | undefined {
  if (row === "Zyyy" || row === "Zinh") return undefined;
  return new Set(row.split(" ").flatMap((script) => [script, ...TOGETHER[script] ?? []]));
}

function readPrototypes(): Map<string, string> {
  const numbers = readNumbers(CONFUSABLES);
  let at = 0;
  const take = (count: number) => numbers.slice(at, at += count);
  const prototypes = new Map<string, string>();
  for (let length = 1; at < numbers.length; length++) {
    const [count = 0] = take(1);
    const distances = take(count);
    const columns = Array.from({ length }, () => take(count));
    let code = 0;
    distances.forEach((distance, i) => {
      code += distance;
      const prototype = String.fromCodePoint(...columns.map((column) => column[i]!));
      prototypes.set(String.fromCodePoint(code), prototype);
    });
  }
  return prototypes;
}

function readNumbers(table: string): number[] {
  const numbers = [];
  let high = 0;
  for (const char of table) {
    const digit = DIGITS.indexOf(char);
    if (digit >= LAST_DIGITS) {
      high = high * (DIGITS.length - LAST_DIGITS) + digit - LAST_DIGITS;
    } else if (digit >= 0) {
      numbers.push(high * LAST_DIGITS + digit);
      high = 0;
    }
  }
  return numbers;
}

/** The parts of a credential that a registry uses. */
export interface Marks {
  /** The member's id as a map key. */
  readonly key: string;
  readonly name: string;
  /** The name as {@linkcode foldName} returns it. */
  readonly folded: string;
  /** What {@linkcode nameLooks} returns for the name, if it is already computed. */
  readonly looks?: readonly string[];
}

/** The members of a room in the order in which they were added. */
export class Registry<T extends { readonly credential: Marks }> {
  readonly #members = new Map<string, T>();
  readonly #names = new Map<string, T>();
  readonly #looks = new Map<string, T>();

  /** The number of members. */
  get size(): number {
    return this.#members.size;
  }

  /** Returns the members in the order in which they were added. */
  values(): MapIterator<T> {
    return this.#members.values();
  }

  /** Returns the member with an id, which is given as {@linkcode Marks.key}. */
  get(key: string): T | undefined {
    return this.#members.get(key);
  }

  /** Returns the member with a case-folded name. */
  byName(folded: string): T | undefined {
    return this.#names.get(folded);
  }

  /** Returns the members whose names equal this name or look like it. */
  nameHolders(name: string, looks: readonly string[] = nameLooks(name)): Set<T> {
    return new Set(looks.flatMap((look) => this.#looks.get(look) ?? []));
  }

  /** Adds a member. The caller has checked that no member has its name. */
  add(member: T): void {
    const { key, name, folded, looks } = member.credential;
    this.#members.set(key, member);
    this.#names.set(folded, member);
    for (const look of looks ?? nameLooks(name)) this.#looks.set(look, member);
  }

  /** Removes a member. */
  remove({ credential: { key, name, folded, looks } }: T): void {
    this.#members.delete(key);
    this.#names.delete(folded);
    for (const look of looks ?? nameLooks(name)) this.#looks.delete(look);
  }
}

// 40 by 40 words and 64 numbers are 102,400 names. No digit looks like a letter.
const ADJECTIVES =
  "able bold brave brisk calm clear deft eager early fair fast fine fond free fresh glad good grand green happy keen kind late light lucky merry mild neat nice quick quiet rapid ready sharp silent sunny sure swift warm wise";
const ANIMALS =
  "ant bat bear bee bison crab crane crow deer dove eagle elk finch fox frog gull hare hawk heron ibis jay kiwi koala lark lion lynx mole moth newt otter owl panda raven robin seal swan tern tiger wolf wren";

/** Returns a name that people can read out: `quiet-otter-42`. */
export function madeUpName(): string {
  const [first, second, tens, ones] = crypto.getRandomValues(new Uint32Array(4));
  const pick = (words: string, at: number) => words.split(" ")[at % 40]!;
  return `${pick(ADJECTIVES, first!)}-${pick(ANIMALS, second!)}-${2 + tens! % 8}${2 + ones! % 8}`;
}
