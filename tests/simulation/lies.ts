/**
 * Which lies a relay tells and how often.
 *
 * @module
 */

import type { Generator } from "./generator.ts";

/** The lies about single frames. The room's history stays the same for everyone. */
export const FRAME_LIES = [
  /** A frame does not arrive. */
  "drop",
  /** A frame arrives much later, after frames that were sent after it. */
  "hold",
  /** A frame arrives after the next ones. */
  "swap",
  /** A frame arrives twice. */
  "double",
  /** A frame that arrived long ago arrives again. */
  "replay",
  /** A frame arrives with another byte. */
  "change",
  /** A frame that a member sends is accepted and thrown away. */
  "swallow",
  /** A member is said to have been left out. */
  "behind",
  /** A member is said to be away, or back. */
  "presence",
  /** A member that resumes is told that nobody knows it. */
  "forget",
] as const;

/** The lies about who is in the room. They show one member another history than the others. */
export const HISTORY_LIES = [
  /** A joining is not told. */
  "hide",
  /** A newcomer is not told of one who is there. */
  "omit",
  /** A joining is told with another credential. */
  "exchange",
  /** Somebody who has left is said to have joined. */
  "relist",
  /** Somebody who is there is said to have left. */
  "expel",
] as const;

/** A lie. */
export type Lie = typeof FRAME_LIES[number] | typeof HISTORY_LIES[number];

/** The lies of one run. */
export class Lies {
  /** How often each lie was told. */
  readonly told: Partial<Record<Lie, number>> = {};
  /** Whether members may have been shown different histories. */
  splits = false;
  readonly #chance: Generator;
  readonly #rates = new Map<Lie, number>();
  #areTold = true;

  /** Draws which lies are told, and how often. */
  constructor(chance: Generator) {
    this.#chance = chance;
    const often = (share: number, most: number) => chance.chance(share) ? chance.next() * most : 0;
    for (const lie of FRAME_LIES) this.#rates.set(lie, often(0.4, 0.25));
    const splits = chance.chance(0.5);
    for (const lie of HISTORY_LIES) this.#rates.set(lie, splits ? often(0.5, 0.3) : 0);
    for (const rare of ["behind", "presence", "relist", "expel"] as const) {
      this.#rates.set(rare, this.#rates.get(rare)! / 5);
    }
  }

  /** Whether lies are told still. */
  get areTold(): boolean {
    return this.#areTold;
  }

  /** No lie is told any longer. */
  end(): void {
    this.#areTold = false;
  }

  /** Whether a lie is told now. */
  tells(lie: Lie): boolean {
    if (!this.areTold || !this.#chance.chance(this.#rates.get(lie)!)) return false;
    this.told[lie] = (this.told[lie] ?? 0) + 1;
    if ((HISTORY_LIES as readonly string[]).includes(lie)) this.splits = true;
    return true;
  }
}
