/**
 * `parley udp server`: an echo server at a terminal or in a pipe.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import {
  addressFields,
  counted,
  dataFields,
  failureFields,
  reportingFailure,
  type Said,
  shownData,
  voiced,
} from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { toFailure } from "../../os/errors.ts";
import { type Io, StopSignals } from "../../os/io.ts";
import { BoundedLog } from "../../os/streams.ts";
import {
  type EchoServerCounts,
  type EchoServerEvent,
  openBatchEchoServer,
  openEchoServer,
} from "../../udp/echo_server.ts";
import type { UDP_SERVER } from "./spec.ts";

/**
 * Answers datagrams until a signal stops it, then prints a summary.
 *
 * @returns The exit code: 130 for Ctrl-C, 0 for SIGTERM.
 * @throws {Failure} If it cannot listen.
 */
export function server(input: Input<typeof UDP_SERVER>, io: Io): Promise<number> {
  return reportingFailure(io, input.options.json, () => serveUntilStopped(io, input));
}

async function serveUntilStopped(
  io: Io,
  { options, release }: Input<typeof UDP_SERVER>,
): Promise<number> {
  const { host, port, drop, delay, quiet, json } = options;
  const log = new BoundedLog(io.output);
  const say = (said: Said, always = false) => log.print(voiced(said, json), always);
  using signals = new StopSignals(io);
  const open = options.ffi ? openBatchEchoServer : openEchoServer;
  await using server = await open({
    hostname: host,
    port,
    drop,
    delayMs: delay,
    ...(quiet ? {} : { event: (event) => say(serverSaid(event)) }),
  });
  // The socket of the C library is open: the library is not needed for anything else.
  release();
  say(listening(server.addr), true);
  const finished = server.finished.then(() => 0);
  const code = await Promise.race([signals.stopped, finished, log.failed]);
  await server.close();
  // The summary starts on a new line, after the "^C" that the terminal has shown.
  if (code === 130 && !json && io.output.isTerminal) log.print([""], true);
  say(serverSummary(server.counts, log.leftOut), true);
  await log.flush();
  return code;
}

/** Formats the event that the server listens. */
export function listening(addr: Deno.NetAddr): Said {
  return {
    event: "listening",
    fields: addressFields(addr),
    lines: [`Listening at ${hostPort(addr)}`],
  };
}

/** Formats an event of the server. */
export function serverSaid(event: EchoServerEvent): Said {
  switch (event.kind) {
    case "datagram":
      return {
        event: "datagram",
        fields: { ...addressFields(event.from), ...dataFields(event.data) },
        lines: [`The client at ${hostPort(event.from)} says ${shownData(event.data)}`],
      };
    case "dropped":
      return {
        event: "dropped",
        fields: addressFields(event.from),
        lines: [`Dropped: no answer to ${hostPort(event.from)}`],
      };
    case "answered":
      return {
        event: "answered",
        fields: { ...addressFields(event.to), ...dataFields(event.reply) },
        lines: [],
      };
    case "failed":
      return failed(event);
  }
}

function failed({ to, error }: EchoServerEvent & { readonly kind: "failed" }): Said {
  const what = to === undefined ? "cannot receive" : `cannot answer ${hostPort(to)}`;
  const failure = toFailure(error, what);
  const address = to === undefined ? {} : addressFields(to);
  return {
    event: "failed",
    fields: { ...address, ...failureFields(failure) },
    lines: [`The server ${printable(failure.message)}`],
  };
}

/** Formats the server's counts at its end. */
export function serverSummary(counts: EchoServerCounts, notShown: number): Said {
  const { datagrams, bytes, answered, dropped, failed } = counts;
  const outcomes = `${answered} answered, ${dropped} dropped, ${failed} failed`;
  const missing = notShown === 0
    ? []
    : [`${counted(notShown, "line")} left out: the output is slow`];
  return {
    event: "summary",
    fields: { datagrams, bytes, answered, dropped, failed, not_shown: notShown },
    lines: [
      `${counted(datagrams, "datagram")}, ${counted(bytes, "byte")}: ${outcomes}`,
      ...missing,
    ],
  };
}
