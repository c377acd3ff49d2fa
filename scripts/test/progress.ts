/**
 * What `deno task test` says while it runs: how long it takes, which groups run, and how many are done.
 *
 * @module
 */

import type { Group } from "./groups.ts";
import type { Counts } from "./report.ts";

/** A group that runs now. */
export interface Running {
  readonly name: string;
  /** How many of its tests have ended. */
  readonly tests: number;
}

/** How far all groups are. */
export interface Standing {
  readonly groups: number;
  readonly done: number;
  readonly failed: number;
  readonly running: readonly Running[];
  readonly seconds: number;
}

/** A time in minutes and seconds: `4m05s`, `12s`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole}s` : `${minutes}m${String(whole % 60).padStart(2, "0")}s`;
}

/**
 * About how long groups take, in seconds.
 *
 * @param groups The groups.
 * @param pace How many of them run in the time of one.
 */
export function expectedSeconds(groups: readonly Group[], pace: number): number {
  const all = groups.map(({ seconds }) => seconds);
  return Math.max(0, ...all, all.reduce((sum, each) => sum + each, 0) / pace);
}

/** What is said first: how many groups there are, and about how long they take. */
export function startLine(groups: readonly Group[], pace: number): string {
  const seconds = expectedSeconds(groups, pace);
  const time = seconds < 60 ? "less than a minute" : `about ${counted(seconds / 60, "minute")}`;
  return `${counted(groups.length, "group")} of tests: ${time} on two idle cores`;
}

/** What is said when a group has ended. */
export function groupLine(
  name: string,
  { passed, failed, ignored }: Counts,
  standing: Standing,
): string {
  const skipped = ignored === 0 ? "" : `, ${ignored} skipped`;
  const where = `${standing.done} of ${standing.groups} groups, ${durationText(standing.seconds)}`;
  return `${name}: ${passed} passed, ${failed} failed${skipped} (${where})`;
}

/**
 * The one line that a terminal shows while groups run.
 *
 * @param standing How far they are.
 * @param columns The terminal's width, which the line does not reach.
 */
export function progressLine(standing: Standing, columns: number): string {
  const { groups, done, failed, running, seconds } = standing;
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  const now = running.map(({ name, tests }) => `${name} ${tests}`).join(", ");
  const line = `${durationText(seconds)}  ${done} of ${groups} groups done${failures}; now ${now}`;
  return line.slice(0, Math.max(0, columns - 1));
}

function counted(count: number, thing: string): string {
  const whole = Math.ceil(count);
  return `${whole} ${thing}${whole === 1 ? "" : "s"}`;
}
