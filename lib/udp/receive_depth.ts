/**
 * How many receives to keep in flight.
 *
 * @module
 */

/** So many times in a row one datagram has to have come alone before two receives are tried. */
const PATIENCE = 8;

/**
 * Chooses how many receives are in flight, by how many complete together.
 *
 * Under load many in flight are faster: what is there is taken at once and answered at once. With one
 * datagram at a time they are slower, because each datagram wakes every receive that waits. So the number
 * doubles when all complete together, and halves when half of them or fewer do.
 */
export class ReceiveDepth {
  readonly #most: number;
  #depth = 1;
  #alone = 0;

  /** @param most The largest number. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many receives should be in flight. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Takes note of what completed together.
   *
   * @param completed How many receives.
   * @param inFlight Out of how many.
   */
  note(completed: number, inFlight: number): void {
    if (completed < inFlight) {
      this.#alone = 0;
      if (completed * 2 <= inFlight) this.#depth = Math.ceil(inFlight / 2);
    } else if (inFlight === 1 && ++this.#alone < PATIENCE) {
      this.#depth = 1;
    } else {
      this.#depth = Math.min(this.#most, inFlight * 2);
    }
  }
}
