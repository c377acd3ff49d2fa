/**
 * An echo server at a terminal or in a pipe.
 *
 * @module
 */

import { reportingFailure, type Said, voiced } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { BoundedLog } from "../../os/output.ts";
import { StopSignals } from "../../os/process.ts";
import { openEchoServer } from "../../udp/echo_server.ts";
import { listening, serverSaid, serverSummary } from "./server_text.ts";
import type { UDP_SERVER } from "./spec.ts";

/** How to serve. */
export interface ServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly drop: number;
  readonly delayMs: number;
  /** Whether to say nothing of single datagrams. */
  readonly quiet: boolean;
  readonly json: boolean;
}

/**
 * Serves until it is told to stop, then sums up.
 *
 * @returns The exit code: 130 for Ctrl-C, 0 for SIGTERM.
 * @throws {Failure} Where it cannot listen.
 */
export function serve(io: Io, options: ServeOptions): Promise<number> {
  return reportingFailure(io, options.json, () => serveUntilStopped(io, options));
}

async function serveUntilStopped(
  io: Io,
  { quiet, json, ...options }: ServeOptions,
): Promise<number> {
  const log = new BoundedLog(io.output);
  const say = (said: Said, always = false) => log.print(voiced(said, json), always);
  using signals = new StopSignals(io);
  await using server = openEchoServer({
    ...options,
    ...(quiet ? {} : { event: (event) => say(serverSaid(event)) }),
  });
  say(listening(server.addr), true);
  const finished = server.finished.then(() => 0);
  const code = await Promise.race([signals.stopped, finished, log.failed]);
  await server.close();
  // Behind the "^C" that the terminal has shown.
  if (code === 130 && !json && io.output.isTerminal) log.print([""], true);
  say(serverSummary(server.counts, log.leftOut), true);
  await log.flush();
  return code;
}

/** Answers datagrams until it is told to stop. */
export function run({ options }: Input<typeof UDP_SERVER>, io: Io): Promise<number> {
  return serve(io, {
    hostname: options.host,
    port: options.port,
    drop: options.drop,
    delayMs: options.delay,
    quiet: options.quiet,
    json: options.json,
  });
}
