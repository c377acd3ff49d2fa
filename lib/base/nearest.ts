/**
 * Suggests the word that a person meant to type.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** One wrong letter is allowed for each group of this many letters. */
const LETTERS_A_SLIP = 3;

/**
 * Finds the word that a mistyped word stands for: the only word that starts with it, or else the closest word if it is
 * near enough to be a typing error. Swapping two neighbouring letters counts as one error.
 *
 * @param word The word as it was typed.
 * @param words The valid words.
 * @returns The valid word, or undefined if none is near enough.
 */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const prefixed = words.filter((w) => word !== "" && w.startsWith(word));
  if (prefixed.length === 1) return prefixed[0];
  const closest = closestTo(word, words);
  const letters = Math.max(word.length, closest.length);
  return slips(word, closest) * LETTERS_A_SLIP <= letters ? closest : undefined;
}

/** The word that is the fewest slips away, upper case counting as lower case; of several, the first. */
function closestTo(word: string, words: readonly string[]): string {
  const far = (other: string) => slips(word.toLowerCase(), other.toLowerCase());
  return words.reduce((best, other) => far(other) < far(best) ? other : best);
}

/** Counts the letters that are wrong, missing or added. A swap of two neighbours counts once. */
function slips(word: string, meant: string): number {
  return isSwapped(word, meant) ? 1 : levenshteinDistance(word, meant);
}

/** Tells whether the words differ only by a swap of two neighbouring letters. */
function isSwapped(word: string, meant: string): boolean {
  if (word.length !== meant.length) return false;
  const at = [...meant].findIndex((letter, i) => letter !== word[i]);
  return at >= 0 && word[at] === meant[at + 1] && word[at + 1] === meant[at] &&
    word.slice(at + 2) === meant.slice(at + 2);
}
