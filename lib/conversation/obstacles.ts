/**
 * What keeps a lost connection from coming back, where waiting does not help.
 *
 * @module
 */

import type { Failure } from "../failure.ts";
import { isLastingTlsFailure } from "../tls_failure.ts";

/** The obstacles of one loss. */
export class Obstacles {
  readonly #told = new Set<string>();
  #last: Failure | undefined;

  /** What the last attempt failed with, where that lasts. */
  get last(): Failure | undefined {
    return this.#last;
  }

  /**
   * An attempt has failed.
   *
   * @returns Whether this is to be told: it lasts, and has not been told since the connection was lost.
   */
  add(failure: Failure): boolean {
    const lasts = isLastingTlsFailure(failure);
    this.#last = lasts ? failure : undefined;
    if (!lasts || this.#told.has(failure.message)) return false;
    this.#told.add(failure.message);
    return true;
  }

  /** There is a connection. */
  clear(): void {
    this.#told.clear();
    this.#last = undefined;
  }
}
