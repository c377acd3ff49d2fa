/**
 * The word that somebody may have meant.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Of so many letters, one may be wrong. */
const LETTERS_A_SLIP = 3;

/**
 * Finds the word that is meant: the only one that begins so, or the closest, where that is near enough for a slip
 * of the fingers. Two neighbouring letters that changed places are one slip.
 *
 * @param word What was written.
 * @param words The words that there are.
 * @returns The word, or undefined where none is near.
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

/** How many letters are wrong, missing or too many, or have changed places with a neighbour. */
function slips(word: string, meant: string): number {
  return isSwapped(word, meant) ? 1 : levenshteinDistance(word, meant);
}

/** Whether two neighbouring letters have changed places, and nothing else is different. */
function isSwapped(word: string, meant: string): boolean {
  if (word.length !== meant.length) return false;
  const at = [...meant].findIndex((letter, i) => letter !== word[i]);
  return at >= 0 && word[at] === meant[at + 1] && word[at + 1] === meant[at] &&
    word.slice(at + 2) === meant.slice(at + 2);
}
