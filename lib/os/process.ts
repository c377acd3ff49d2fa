/**
 * How a process is told to stop.
 *
 * @module
 */

import type { Io } from "./io.ts";

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
  readonly #listening: readonly Disposable[];

  /** Listens from now on. */
  constructor(io: Pick<Io, "onSignal">, { hangup = false }: StopSignalsOptions = {}) {
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
    const posix = Deno.build.os !== "windows";
    this.#listening = [
      io.onSignal("SIGINT", stop(130)),
      // Asked to stop, it stops: nothing failed.
      ...(posix ? [io.onSignal("SIGTERM", stop(0))] : []),
      ...(posix && hangup ? [io.onSignal("SIGHUP", stop(129))] : []),
    ];
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const one of this.#listening) one[Symbol.dispose]();
  }
}

/** A part that is not shown. */
export interface Missing {
  /** What it is, in words. */
  readonly part: string;
  /** The flag that would show it: `--allow-sys`; null where none does on this system. */
  readonly flag: string | null;
}

/** Whether a permission is granted: asks nobody. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
