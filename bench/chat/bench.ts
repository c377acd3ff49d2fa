/**
 * What a measurement is given, and what it gives.
 *
 * @module
 */

import type { Processes } from "./processes.ts";

/** What a measurement is given. */
export interface Bench {
  readonly processes: Processes;
  /** How often each figure is measured; the median is shown. */
  readonly runs: number;
  /** Whether less of everything will do. */
  readonly quick: boolean;
}

/** One row of the table. */
export interface Figure {
  readonly what: string;
  /** What it should be; undefined for a figure that stands there for comparison. */
  readonly goal: string | undefined;
  /** The median. */
  readonly measured: string;
  readonly met: boolean | undefined;
  /** How far the runs lay apart, and what else helps to judge them. */
  readonly note: string;
}

/** Measures one thing. */
export type Measurement = (bench: Bench) => Promise<Figure[]>;

/** A row for something that could not be measured. */
export function leftOut(what: string, why: string): Figure {
  return { what, goal: undefined, measured: "left out", met: undefined, note: why };
}
