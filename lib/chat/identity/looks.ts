/**
 * What names look like: their characters' scripts (UAX #24), and their skeletons (UTS #39 section 4).
 *
 * The tables are the protocol's own, so that two members whose runtimes know different versions of Unicode agree.
 *
 * @module
 */

import { CHARACTERS, CONFUSABLES, SCRIPT_SETS } from "./name_tables.ts";

/** A letter or number, a mark that takes no space of its own, one that does, a sign. */
export type CharacterKind = "L" | "M" | "C" | "S";

/** What there is to know of a character that a name may have. */
export interface Character {
  readonly kind: CharacterKind;
  /** The scripts that it is used in, those of several scripts among them; undefined where it is used in all. */
  readonly scripts: ReadonlySet<string> | undefined;
}

interface Run extends Character {
  readonly start: number;
  readonly end: number;
}

/** Scripts that are written together, as UTS #39 section 5.1 names them. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  Hani: ["Hanb", "Jpan", "Kore"],
  Hira: ["Jpan"],
  Kana: ["Jpan"],
  Hang: ["Kore"],
  Bopo: ["Hanb"],
};

/**
 * Scripts in common use (UAX #31 table 5) that may be mixed with Latin: all but Greek and Cyrillic, whose letters look
 * like Latin ones. UTS #39 section 5.2 calls that moderately restrictive.
 */
const BESIDE_LATIN: ReadonlySet<string> = new Set(
  ("Arab Armn Beng Bopo Deva Ethi Geor Gujr Guru Hang Hani Hebr Hira Kana Knda Khmr Laoo Mlym Mymr Orya Sinh Taml " +
    "Telu Thaa Thai Tibt Hanb Jpan Kore").split(" "),
);

/**
 * What there is to know of a character.
 *
 * @param char One code point.
 * @returns Undefined where no name may have it: a control, a space, one that shows as nothing, one that NFKC replaces.
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
 * Whether characters are of one script, or of one and Latin where nobody takes the letters of one for the other's.
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
 * What a name looks like: its skeleton as it is written, and that of its lower case. Two names look alike where they
 * have one in common.
 *
 * @param name A name in NFKC.
 * @param folded The same with its case folded.
 * @returns One look, or two.
 */
export function looksOf(name: string, folded: string): readonly string[] {
  return [...new Set([skeleton(name), skeleton(folded)].map((look) => look.toLowerCase()))];
}

/** A text with each character replaced by the one that stands for all that look like it. */
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
