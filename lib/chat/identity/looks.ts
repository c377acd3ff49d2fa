/**
 * The appearance of names: the scripts of their characters (UAX #24), and their skeletons (UTS #39
 * section 4).
 *
 * The tables are part of the protocol, so that two members agree even if their runtimes have
 * different versions of Unicode.
 *
 * @module
 */

import { CHARACTERS, CONFUSABLES, SCRIPT_SETS } from "./name_tables.ts";

/**
 * The kind of a character: `L` a letter or number, `M` a nonspacing mark, `C` a spacing mark, `S` a
 * symbol or punctuation.
 */
export type CharacterKind = "L" | "M" | "C" | "S";

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
 * @param char One code point.
 * @returns Its properties, or undefined if no name may contain it: a control character, a space, an
 * invisible character, or one that NFKC replaces.
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

/** Replaces each character by the prototype of all characters that look like it. */
function skeleton(text: string): string {
  const { prototypes } = tables();
  return [...text.normalize("NFD")].map((char) => prototypes.get(char) ?? char).join("")
    .normalize("NFD");
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
  const sets = rows(SCRIPT_SETS).map(scriptSet);
  let end = 0;
  return rows(CHARACTERS).map((row) => {
    const [gap, length, kindAndSet] = row.split(",") as [string, string, string];
    const start = end + base36(gap);
    end = start + base36(length);
    const kind = kindAndSet.charAt(0) as CharacterKind;
    return { start, end, kind, scripts: sets[base36(kindAndSet.slice(1))] };
  });
}

function scriptSet(row: string): ReadonlySet<string> | undefined {
  if (row === "Zyyy" || row === "Zinh") return undefined;
  return new Set(row.split(" ").flatMap((script) => [script, ...TOGETHER[script] ?? []]));
}

function readPrototypes(): Map<string, string> {
  const prototypes = new Map<string, string>();
  for (const row of rows(CONFUSABLES)) {
    const [target, sources] = row.split(":") as [string, string];
    const prototype = String.fromCodePoint(...target.split(".").map(base36));
    let code = 0;
    for (const distance of sources.split(",")) {
      code += base36(distance);
      prototypes.set(String.fromCodePoint(code), prototype);
    }
  }
  return prototypes;
}

function rows(table: string): string[] {
  return table.replaceAll("\n", "").split(";").slice(0, -1);
}

function base36(text: string): number {
  return parseInt(text, 36);
}
