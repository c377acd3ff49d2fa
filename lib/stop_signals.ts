/**
 * How a process is told to stop.
 *
 * @module
 */

/** What counts as being told to stop, besides SIGINT and SIGTERM. */
export interface StopSignalsOptions {
  /** Whether SIGHUP does: the terminal of the process is closed. False by default. */
  readonly hangup?: boolean;
}

/** SIGINT, SIGTERM and SIGHUP, as the exit codes that they end the process with. */
export class StopSignals implements Disposable {
  /** Fulfilled with the exit code: 130 for SIGINT (Ctrl-C), 0 for SIGTERM, 129 for SIGHUP. */
  readonly stopped: Promise<number>;
  /** Fulfilled when the process is told a second time. */
  readonly insisted: Promise<void>;
  readonly #handlers: readonly (readonly [Deno.Signal, () => void])[];

  /** Listens from now on. */
  constructor({ hangup = false }: StopSignalsOptions = {}) {
    const first = Promise.withResolvers<number>();
    const second = Promise.withResolvers<void>();
    this.stopped = first.promise;
    this.insisted = second.promise;
    let told = false;
    const stop = (code: number) => () => {
      if (told) second.resolve();
      told = true;
      first.resolve(code);
    };
    this.#handlers = [
      ["SIGINT", stop(130)],
      // Asked to stop, it stops: nothing failed.
      ...(Deno.build.os === "windows" ? [] : [["SIGTERM", stop(0)] as const]),
      ...(Deno.build.os === "windows" || !hangup ? [] : [["SIGHUP", stop(129)] as const]),
    ];
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}
