/**
 * The word that somebody may have meant.
 *
 * @module
 */

// @ts-types="../types/std_text_closest_string.d.ts"
import { closestString } from "@std/text/closest-string";
// @ts-types="../types/std_text_levenshtein_distance.d.ts"
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The word that is meant: the closest, unless it is too far to be a slip of the fingers. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const prefixed = words.filter((w) => word !== "" && w.startsWith(word));
  if (prefixed.length === 1) return prefixed[0];
  const closest = closestString(word, words);
  return levenshteinDistance(word, closest) <= Math.max(1, Math.floor(closest.length / 2))
    ? closest
    : undefined;
}
