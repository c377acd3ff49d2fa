/**
 * How often a fault is worth saying: a relay that lies in every frame must not fill the screen.
 *
 * @module
 */

/** A fault is said this many times, and then each time its count has doubled. */
const SAID_AT_FIRST = 3;
/** So many kinds of fault are told apart. */
const MAX_KINDS = 10_000;

/** Counts faults. */
export class FaultLog {
  readonly #counts = new Map<string, number>();

  /**
   * Counts one.
   *
   * @param key Which kind, and with whom.
   * @returns How often it has happened, where that is worth saying.
   */
  count(key: string): number | undefined {
    const kind = this.#counts.has(key) || this.#counts.size < MAX_KINDS ? key : "";
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count <= SAID_AT_FIRST || Number.isInteger(Math.log2(count)) ? count : undefined;
  }
}
