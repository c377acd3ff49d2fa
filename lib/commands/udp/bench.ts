/**
 * Load on an echo server, at a terminal or in a pipe.
 *
 * @module
 */

import { printLines, reportingFailure, say } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { StopSignals } from "../../os/process.ts";
import { measureLoad } from "../../udp/load.ts";
import { loadSaid, loadStarts } from "./bench_text.ts";
import type { UDP_BENCH } from "./spec.ts";

/** What load to put on whom. */
export interface BenchOptions {
  readonly hostname: string;
  readonly port: number;
  readonly size: number;
  readonly window: number;
  readonly seconds: number;
  readonly json: boolean;
}

/**
 * Measures, and says what came out. Ctrl-C ends the measurement early.
 *
 * @returns The exit code: 0, or 130 for Ctrl-C.
 * @throws {Failure} Where nothing is answered, or nothing can be sent.
 */
export function bench(io: Io, options: BenchOptions): Promise<number> {
  return reportingFailure(io, options.json, () => measureAndSay(io, options));
}

async function measureAndSay(io: Io, { json, ...options }: BenchOptions): Promise<number> {
  using signals = new StopSignals(io);
  const stop = new AbortController();
  let code = 0;
  signals.stopped.then((stopped) => {
    code = stopped;
    stop.abort();
  });
  if (!json && io.output.isTerminal) printLines(io, [loadStarts(options)]);
  const result = await measureLoad({ ...options, signal: stop.signal });
  say(io, loadSaid(result, options), json);
  return code;
}

/** Puts load on an echo server. */
export function run({ options, operands }: Input<typeof UDP_BENCH>, io: Io): Promise<number> {
  return bench(io, {
    hostname: operands[0] ?? "127.0.0.1",
    port: options.port,
    size: options.size,
    window: options.window,
    seconds: options.seconds,
    json: options.json,
  });
}
