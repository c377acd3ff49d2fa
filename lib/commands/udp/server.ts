/**
 * The echo server as commands: `parley udp server` answers at a terminal or in a pipe, `parley udp demo` plays a forged
 * reply twice, and `parley udp bench` measures how much a server answers.
 *
 * @module
 */

import { hostPort, LOOPBACK } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import {
  addressFields,
  counted,
  failureFields,
  printLines,
  reportingFailure,
  type Said,
  say,
  voiced,
} from "../../cli/output.ts";
import { dataFields, shownData } from "../../base/printable.ts";
import type { Input } from "../../cli/spec.ts";
import { toFailure } from "../../os/errors.ts";
import { type Io, StopSignals, TERMINATED } from "../../os/io.ts";
import { BoundedLog } from "../../os/streams.ts";
import type { Style } from "../../terminal/terminal.ts";
import {
  type EchoServerCounts,
  type EchoServerEvent,
  FORGED_REPLY,
  type ForgeryEvent,
  type ForgeryOutcome,
  openBatchEchoServer,
  openEchoServer,
  playForgery,
} from "../../udp/echo_server.ts";
import type { UDP_BENCH, UDP_DEMO, UDP_SERVER } from "./spec.ts";
import type { Histogram, HistogramRow, LoadResult } from "../../udp/load.ts";

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

/**
 * Plays the same scene with two clients: one that takes datagrams from anyone, and one that checks the sender.
 *
 * @returns The exit code: 0 if the first client was fooled and the second was not, 1 otherwise, 130 for Ctrl-C, 143 for
 * SIGTERM.
 * @throws {Failure} If a socket cannot be opened or used.
 */
export async function demo({ options }: Input<typeof UDP_DEMO>, io: Io): Promise<number> {
  const { host, json } = options;
  // Loaded here, since a server alone needs neither.
  const { clientSaid } = await import("./client.ts");
  const { makeStyle } = await import("../../terminal/terminal.ts");
  const look = { clientSaid, style: makeStyle(io.output.coloured) };
  return await reportingFailure(io, json, () => playScenes(io, host, look, json));
}

/** How the demonstration is shown. */
interface Look {
  /** Formats an event of the client, as `parley udp client` does. */
  readonly clientSaid: typeof import("./client.ts").clientSaid;
  readonly style: Style;
}

async function playScenes(io: Io, hostname: string, look: Look, json: boolean): Promise<number> {
  const tell = (said: Said) => say(io, said, json);
  using signals = new StopSignals(io, { terminated: TERMINATED });
  const stop = new AbortController();
  const stopped = signals.stopped.then((code) => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    return code;
  });
  const scenes = playBoth(hostname, stop.signal, look, tell);
  const outcome = await Promise.race([stopped, scenes]);
  if (typeof outcome !== "number") return outcome.asExpected ? 0 : 1;
  await scenes.catch(() => {}); // the reason of the abort
  return outcome;
}

async function playBoth(
  hostname: string,
  signal: AbortSignal,
  look: Look,
  tell: (said: Said) => void,
): Promise<{ readonly asExpected: boolean }> {
  const outcomes: ForgeryOutcome[] = [];
  for (const promiscuous of [true, false]) {
    tell(sceneSaid(promiscuous));
    const event = (seen: ForgeryEvent) => tell(forgerySaid(seen, look));
    const outcome = await playForgery({ promiscuous, hostname, signal, event });
    tell(outcomeSaid(outcome, promiscuous));
    outcomes.push(outcome);
  }
  const [first, second] = outcomes;
  return { asExpected: first!.fooled && !second!.fooled && second!.refused === 1 };
}

/** The colour of each party. */
const COLOUR: Readonly<Record<ForgeryEvent["party"], keyof Style>> = {
  server: "cyan",
  client: "green",
  attacker: "red",
};

const PARTY_WIDTH = "attacker".length + 2;

/** Formats the title of a scene. */
function sceneSaid(promiscuous: boolean): Said {
  const client = promiscuous ? "takes the first datagram from anyone" : "checks who answers";
  return {
    event: "scene",
    fields: { promiscuous },
    lines: [`${promiscuous ? "1" : "2"}. A client that ${client}`, ""],
  };
}

/** Formats what a party sees or does. */
function forgerySaid(seen: ForgeryEvent, { clientSaid, style }: Look): Said {
  const { event, fields, lines } = partySaid(seen, clientSaid);
  const party = style[COLOUR[seen.party]](seen.party.padEnd(PARTY_WIDTH));
  return {
    event,
    fields: { party: seen.party, ...fields },
    lines: lines.map((line) => `  ${party}${line}`),
  };
}

function partySaid(seen: ForgeryEvent, clientSaid: Look["clientSaid"]): Said {
  if (seen.party === "attacker") {
    const { from, to } = seen.event;
    const line = `I heard of ${hostPort(to)}; from ${hostPort(from)} I send it '${FORGED_REPLY}'`;
    const fields = { from: addressFields(from), to: addressFields(to), text: FORGED_REPLY };
    return { event: "forges", fields, lines: [line] };
  }
  if (seen.party === "client") {
    const said = clientSaid(seen.event, seen.server, true);
    if (seen.event.kind !== "asked") return said;
    return { ...said, lines: [`I ask ${hostPort(seen.server)}, and wait`] };
  }
  if (seen.event.kind === "listening") return listening(seen.event.addr);
  return serverSeen(seen.event);
}

function serverSeen(event: EchoServerEvent): Said {
  const said = serverSaid(event);
  if (event.kind !== "answered") return said;
  const line = `I am slow, and answer ${hostPort(event.to)} only now: ${shownData(event.reply)}`;
  return { ...said, lines: [line] };
}

/** Formats the outcome of a scene. */
function outcomeSaid(outcome: ForgeryOutcome, promiscuous: boolean): Said {
  const { server, believed, fooled, refused } = outcome;
  const text = fooled
    ? `Fooled: it asked ${hostPort(server)} and believes ${hostPort(believed)}.`
    : `Not fooled: it believes ${hostPort(believed)}, which it asked.`;
  return {
    event: "outcome",
    fields: {
      promiscuous,
      fooled,
      refused,
      server: addressFields(server),
      believed: addressFields(believed),
    },
    lines: ["", `  ${text}`, ...(promiscuous ? [""] : [])],
  };
}

/**
 * Measures how many datagrams an echo server answers, and prints the result. Ctrl-C ends the measurement early.
 *
 * @returns The exit code: 0, 130 for Ctrl-C, or 143 for SIGTERM.
 * @throws {Failure} If nothing is answered, or nothing can be sent.
 */
export function bench({ options, operands }: Input<typeof UDP_BENCH>, io: Io): Promise<number> {
  const { port, size, window, seconds, json } = options;
  const load = { hostname: operands[0] ?? LOOPBACK, port, size, window, seconds };
  return reportingFailure(io, json, () => measureAndSay(io, load, json));
}

async function measureAndSay(io: Io, load: Load, json: boolean): Promise<number> {
  using signals = new StopSignals(io, { terminated: TERMINATED });
  const stop = new AbortController();
  let code = 0;
  signals.stopped.then((stopped) => {
    code = stopped;
    stop.abort();
  });
  if (!json && io.output.isTerminal) printLines(io, [loadStarts(load)]);
  const { measureLoad } = await import("../../udp/load.ts");
  const result = await measureLoad({ ...load, signal: stop.signal });
  say(io, loadSaid(result, load), json);
  return code;
}

const BAR_WIDTH = 40;

/** The load to generate. */
export interface Load {
  readonly hostname: string;
  readonly port: number;
  readonly size: number;
  readonly window: number;
  readonly seconds: number;
}

/** Formats the line that announces the measurement. */
export function loadStarts({ size, window, seconds }: Load): string {
  return `Keeping ${counted(window, "datagram")} of ${
    counted(size, "byte")
  } under way for ${seconds} s …`;
}

/** Formats the result of the measurement. */
export function loadSaid(result: LoadResult, { size, window }: Load): Said {
  const { server, seconds, sent, replies, lost, duplicates, forged, rate, roundTrips } = result;
  const percent = (lost / sent * 100).toFixed(2);
  return {
    event: "result",
    fields: {
      ...addressFields(server),
      size,
      window,
      seconds,
      sent,
      replies,
      lost,
      duplicates,
      forged,
      replies_per_second: rate,
      round_trip_us: roundTripFields(roundTrips),
      histogram: roundTrips.rows().map(({ from, to, count }) => ({
        from_us: from,
        to_us: to,
        count,
      })),
    },
    lines: [
      `${hostPort(server)}: ${thousands(rate)} replies/s ` +
      `(window ${window}, ${counted(size, "byte")}, ${seconds.toFixed(1)} s)`,
      `sent ${thousands(sent)}, answered ${thousands(replies)}, lost ${thousands(lost)} ` +
      `(${percent} %), duplicates ${thousands(duplicates)}` +
      (forged === 0 ? "" : `, from others ${thousands(forged)}`),
      `round trip ${roundTripText(roundTrips)}`,
      "",
      ...histogramLines(roundTrips.rows()),
    ],
  };
}

function roundTripFields(times: Histogram): Record<string, number> {
  return {
    min: times.min,
    mean: times.mean,
    p50: times.percentile(0.5),
    p90: times.percentile(0.9),
    p99: times.percentile(0.99),
    max: times.max,
  };
}

function roundTripText(times: Histogram): string {
  const shares = [0.5, 0.9, 0.99].map((share) =>
    `p${share * 100} ${time(times.percentile(share))}`
  );
  return [...shares, `max ${time(times.max)}`].join(", ");
}

/** Formats a row with a bar for each doubling of the round-trip time. */
function histogramLines(rows: readonly HistogramRow[]): string[] {
  const most = Math.max(...rows.map(({ count }) => count));
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const cells = rows.map(({ from, to, count }) => [
    time(from),
    time(to),
    "#".repeat(Math.ceil(count / most * BAR_WIDTH)).padEnd(BAR_WIDTH),
    thousands(count),
    `${(count / total * 100).toFixed(2)} %`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) => {
    const [from, to, bar, count, share] = row.map((cell, i) => cell.padStart(widths[i]!));
    return `${from} to ${to}  ${bar}  ${count}  ${share}`;
  });
}

function time(us: number): string {
  if (us < 1_000) return `${us.toFixed(us < 10 ? 1 : 0)} us`;
  return us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
