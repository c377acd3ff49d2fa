/**
 * Which group of tests starts next.
 *
 * @module
 */

import type { Group } from "./groups.ts";

/**
 * The first group that uses nothing that a running one uses alone.
 *
 * @param waiting The groups that have not started, in the order in which they should.
 * @param running The groups that run.
 * @returns The group; undefined if each must wait.
 */
export function nextGroup(
  waiting: readonly Group[],
  running: readonly Group[],
): Group | undefined {
  const used = new Set(running.flatMap(({ exclusive }) => exclusive));
  return waiting.find(({ exclusive }) => !exclusive.some((each) => used.has(each)));
}
