/**
 * How a process is told to stop.
 *
 * @module
 */

/** SIGINT and SIGTERM, as the exit codes that they end the process with. */
export class StopSignals implements Disposable {
  /** Fulfilled with the exit code: 130 for SIGINT (Ctrl-C), 0 for SIGTERM. */
  readonly stopped: Promise<number>;
  readonly #handlers: readonly (readonly [Deno.Signal, () => void])[];

  /** Listens from now on. */
  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.stopped = promise;
    this.#handlers = [
      ["SIGINT", () => resolve(130)],
      // Asked to stop, it stops: nothing failed.
      ...(Deno.build.os === "windows" ? [] : [["SIGTERM", () => resolve(0)] as const]),
    ];
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}
