/**
 * Load on an echo server, at a terminal or in a pipe.
 *
 * @module
 */

import { printLines, reportingFailure, say } from "../../cli/json_events.ts";
import type { Io } from "../../io.ts";
import { StopSignals } from "../../stop_signals.ts";
import { measureLoad } from "../load.ts";
import { loadSaid, loadStarts } from "./bench_text.ts";

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
