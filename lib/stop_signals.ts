/**
 * How a process is told to stop.
 *
 * @module
 */

import type { Io } from "./io.ts";

/** SIGINT and SIGTERM, as the exit codes that they end the process with. */
export class StopSignals implements Disposable {
  /** Fulfilled with the exit code: 130 for SIGINT (Ctrl-C), 0 for SIGTERM. */
  readonly stopped: Promise<number>;
  readonly #listening: readonly Disposable[];

  /** Listens from now on. */
  constructor(io: Pick<Io, "onSignal">) {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.stopped = promise;
    this.#listening = [
      io.onSignal("SIGINT", () => resolve(130)),
      // Asked to stop, it stops: nothing failed.
      ...(Deno.build.os === "windows" ? [] : [io.onSignal("SIGTERM", () => resolve(0))]),
    ];
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const one of this.#listening) one[Symbol.dispose]();
  }
}
