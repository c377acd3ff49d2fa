/**
 * Something to fuzz: a property that holds for every input.
 *
 * @module
 */

import fc from "fast-check";

/** How many inputs, and which. */
export interface FuzzOptions {
  readonly runs: number;
  /** The same seed gives the same inputs. */
  readonly seed: number;
}

/** Something to fuzz. */
export interface Target {
  readonly name: string;
  /** Tries so many inputs; fails with the smallest that it finds, its seed and its path. */
  run(options: FuzzOptions): Promise<void>;
}

/** A target whose property is checked in one turn. */
export function target<Input>(
  name: string,
  inputs: () => fc.Arbitrary<Input>,
  holds: (input: Input) => void,
): Target {
  return {
    name,
    run: ({ runs, seed }) => {
      // Without a promise: as a rejection of the one that is returned.
      return Promise.try(() => fc.assert(fc.property(inputs(), holds), { numRuns: runs, seed }));
    },
  };
}

/** A target whose property takes promises. */
export function asyncTarget<Input>(
  name: string,
  inputs: () => fc.Arbitrary<Input> | Promise<fc.Arbitrary<Input>>,
  holds: (input: Input) => Promise<void>,
): Target {
  return {
    name,
    run: async ({ runs, seed }) => {
      await fc.assert(fc.asyncProperty(await inputs(), holds), { numRuns: runs, seed });
    },
  };
}
