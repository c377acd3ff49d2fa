/**
 * The records of the checker: each message that was entered, and what each process has displayed.
 *
 * @module
 */

import { LeaveOut } from "./leave_out.ts";

/** The unique name of one process of a member: the person's name, and the number of the run. */
export type Process = string;

/** A message that was entered. */
export interface Entered {
  readonly by: Process;
  readonly at: number;
  /** The number of the message among those of its sender. */
  readonly number: number;
  /** The person who is the only recipient; undefined if the message is for all. */
  readonly to: string | undefined;
  readonly recipients: ReadonlySet<Process>;
  /** The recipients for whom its sender gave it up. */
  readonly givenUp: Set<Process>;
  delivered: number;
}

/** What one process misses of another. */
export interface Losses {
  /** The number of missing messages that were reported to it. */
  told: number;
  /** The number of those that came late. */
  late: number;
}

/** What one process has entered, displayed and been told. */
export class View {
  /** The processes whose joining it has displayed, and not their leaving. */
  readonly here = new Set<Process>();
  /** The processes whose leaving it has displayed, and when last. */
  readonly left = new Map<Process, number>();
  /** The processes whose leaving it has been told of, displayed or not, and when last. */
  readonly told = new Map<Process, number>();
  /** How many leavings of a process it has been told of and, because its screen is late, not displayed yet. */
  readonly going = new Map<Process, number>();
  /** The messages that it has displayed, in order. */
  readonly shown: string[] = [];
  readonly shownSet = new Set<string>();
  /** The highest number that it has displayed of each stream. */
  readonly last = new Map<string, number>();
  /** What it misses, by sender. */
  readonly losses = new Map<Process, Losses>();
  /** The stays and numbers of members that it was shown and that are not there. */
  readonly ghosts = new Set<string>();
  /** For each message that a liar carried to it: whether sender and recipient knew the same roster. */
  readonly carried = new Map<string, (() => boolean)[]>();
  /** The messages that it has entered, in order. */
  readonly said = new Map<string, Entered>();
  /** The persons that it excludes. */
  readonly leaveOut = new LeaveOut();
  alive = true;
}
