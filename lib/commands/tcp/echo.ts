/**
 * The tutorial's programs over TCP: `parley tcp server`, `parley tcp client` and `parley tcp demo`.
 *
 * @module
 */

import { LOOPBACK, timeText } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import {
  counted,
  endpointFields,
  failureFields,
  reportingFailure,
  type Said,
  say as sayTo,
  voiced,
} from "../../cli/output.ts";
import { dataFields, shownData } from "../../base/printable.ts";
import type { Input } from "../../cli/spec.ts";
import { toFailure } from "../../os/errors.ts";
import { type Io, type OutputStream, StopSignals, TERMINATED, untilStopped } from "../../os/io.ts";
import { BoundedLog } from "../../os/streams.ts";
import { type Endpoint, shownEndpoint } from "../../tcp/connect.ts";
import {
  askEcho,
  type EchoClientEvent,
  type EchoOutcome,
  type EchoServerCounts,
  type EchoServerEvent,
  openEchoServer,
} from "../../tcp/echo.ts";
import {
  type LessonEvent,
  type LessonName,
  type LessonOutcome,
  LESSONS,
  playLesson,
} from "../../tcp/lessons.ts";
import { makeStyle, type Paint } from "../../terminal/terminal.ts";
import type { TCP_CLIENT, TCP_DEMO, TCP_SERVER } from "./spec.ts";

/**
 * Answers clients until a signal stops it, then prints a summary.
 *
 * @returns The exit code: 130 for Ctrl-C, 0 for SIGTERM.
 * @throws {Failure} If it cannot listen.
 */
export function server({ options }: Input<typeof TCP_SERVER>, io: Io): Promise<number> {
  return reportingFailure(io, options.json, () => serveUntilStopped(io, options));
}

async function serveUntilStopped(
  io: Io,
  { json, quiet, host, port, delay, chunk }: Input<typeof TCP_SERVER>["options"],
): Promise<number> {
  const log = new BoundedLog(io.output);
  const say = (said: Said, always = false) => log.print(voiced(said, json), always);
  using signals = new StopSignals(io);
  await using server = openEchoServer({
    hostname: host,
    port,
    delayMs: delay,
    chunkBytes: chunk,
    ...(quiet ? {} : { event: (event) => say(serverSaid(event)) }),
  });
  say(listeningSaid(server.addr), true);
  const finished = server.finished.then(() => 0);
  const code = await Promise.race([signals.stopped, finished, log.failed]);
  await server.close();
  // After the "^C" that the terminal has shown.
  if (code === 130 && !json && io.output.isTerminal) log.print([""], true);
  say(serverSummary(server.counts, log.leftOut), true);
  await log.flush();
  return code;
}

function listeningSaid(addr: Deno.NetAddr): Said {
  return {
    event: "listening",
    fields: endpointFields(addr),
    lines: [`Listening at ${shownEndpoint(addr)}`],
  };
}

function serverSaid(event: EchoServerEvent): Said {
  switch (event.kind) {
    case "connected":
      return said(event.kind, event.from, {}, `${shownEndpoint(event.from)} has connected`);
    case "refused": {
      const line = `Turned away ${shownEndpoint(event.from)}: too many are being served`;
      return said(event.kind, event.from, {}, line);
    }
    case "data": {
      const { from, read, data } = event;
      const line = `The client at ${shownEndpoint(from)} says ${shownData(data)} (read ${read})`;
      return said(event.kind, from, { read, ...dataFields(data) }, line);
    }
    case "answered":
      return said(event.kind, event.to, dataFields(event.reply));
    case "ended": {
      const { from, reads, bytes } = event;
      const sum = `${counted(bytes, "byte")} in ${counted(reads, "read")}`;
      return said(event.kind, from, { reads, bytes }, `${shownEndpoint(from)} has ended: ${sum}`);
    }
    case "failed":
      return failedSaid(event);
  }
}

function said(
  event: string,
  endpoint: Endpoint,
  fields: Readonly<Record<string, unknown>>,
  ...lines: string[]
): Said {
  return { event, fields: { ...endpointFields(endpoint), ...fields }, lines };
}

function failedSaid({ from, error }: EchoServerEvent & { readonly kind: "failed" }): Said {
  const what = from === undefined
    ? "cannot accept a connection"
    : `connection to ${shownEndpoint(from)}`;
  const failure = toFailure(error, what);
  return {
    event: "failed",
    fields: { ...(from === undefined ? {} : endpointFields(from)), ...failureFields(failure) },
    lines: [printable(failure.message)],
  };
}

function serverSummary(counts: EchoServerCounts, notShown: number): Said {
  const { connections, reads, bytes, answered, refused, failed } = counts;
  const missing = notShown === 0
    ? []
    : [`${counted(notShown, "line")} left out: the output is slow`];
  return {
    event: "summary",
    fields: { ...counts, not_shown: notShown },
    lines: [
      `${counted(connections, "connection")}, ${counted(bytes, "byte")} in ` +
      `${counted(reads, "read")}: ${answered} answered, ${refused} turned away, ${failed} failed`,
      ...missing,
    ],
  };
}

/**
 * Sends texts to an echo server, and prints what each read returns.
 *
 * @returns The exit code: 0, 130 for Ctrl-C, or 143 for SIGTERM.
 * @throws {Failure} If the server cannot be reached, breaks the connection, or does not answer in time.
 */
export function client({ options, operands }: Input<typeof TCP_CLIENT>, io: Io): Promise<number> {
  const { json, message, port, pause: pauseMs, timeout: timeoutMs } = options;
  const hostname = operands[0] ?? LOOPBACK;
  const texts = message.length === 0 ? [timeText()] : message;
  const say = (said: Said) => sayTo(io, said, json);
  const narrator = new ClientNarrator(say);
  const event = (event: EchoClientEvent) => narrator.tell(event);
  return reportingFailure(io, json, () =>
    untilStopped(io, async (signal) => {
      const asked = { hostname, port, texts, pauseMs, timeoutMs, signal, event };
      const outcome = await askEcho(asked);
      if (json || texts.length > 1) say(clientSummary(outcome));
      return 0;
    }, { terminated: TERMINATED }));
}

/** Reports the events of an echo client. */
class ClientNarrator {
  readonly #say: (said: Said) => void;
  #server: Endpoint = { path: "" };

  constructor(say: (said: Said) => void) {
    this.#say = say;
  }

  tell(event: EchoClientEvent): void {
    if (event.kind === "connected") this.#server = event.server;
    this.#say(clientSaid(event, this.#server));
  }
}

function clientSaid(event: EchoClientEvent, server: Endpoint): Said {
  switch (event.kind) {
    case "connected":
      return {
        event: "connected",
        fields: { ...endpointFields(event.addr), server: endpointFields(server) },
        lines: [`The OS assigned me the address ${shownEndpoint(event.addr)}`],
      };
    case "sent": {
      const { write, data } = event;
      const lines = [`Sent ${shownData(data)} (write ${write})`];
      return { event: "sent", fields: { write, ...dataFields(data) }, lines };
    }
    case "data": {
      const { read, data } = event;
      const line = `The server ${shownEndpoint(server)} replied ${shownData(data)} (read ${read})`;
      return {
        event: "data",
        fields: { ...endpointFields(server), read, ...dataFields(data) },
        lines: [line],
      };
    }
    case "finished":
    case "ended":
      return { event: event.kind, fields: {}, lines: [] };
  }
}

function clientSummary({ writes, reads, bytes }: EchoOutcome): Said {
  return {
    event: "summary",
    fields: { writes, reads, bytes: bytes.length },
    lines: [`${counted(writes, "write")}; what came back took ${counted(reads, "read")}`],
  };
}

/**
 * Plays every lesson.
 *
 * @returns The exit code: 0 if each lesson showed what it is meant to show, 1 otherwise, 130 for Ctrl-C, 143 for SIGTERM.
 * @throws {Failure} If a socket cannot be opened or used.
 */
export function demo({ options }: Input<typeof TCP_DEMO>, io: Io): Promise<number> {
  const { json, host: hostname } = options;
  const say = (said: Said) => sayTo(io, said, json);
  const lessons = new LessonTexts(io.output);
  const event = (event: LessonEvent) => say(lessons.event(event));
  return reportingFailure(io, json, () =>
    untilStopped(io, async (signal) => {
      let asExpected = true;
      for (const name of LESSONS) {
        say(lessons.title(name));
        const outcome = await playLesson(name, { hostname, signal, event });
        say(lessons.outcome(outcome));
        asExpected &&= outcome.asExpected;
      }
      return asExpected ? 0 : 1;
    }, { terminated: TERMINATED }));
}

/** The title of each lesson, and what it shows. */
const TEXTS: Readonly<Record<LessonName, { readonly title: string; readonly shown: string }>> = {
  joined: {
    title: "Two writes arrive as one read",
    shown: "TCP carries a stream of bytes. It does not mark where a write ended.",
  },
  split: {
    title: "One write arrives as two reads",
    shown: "A read returns the bytes that have arrived and fit into its buffer, here 16 bytes.",
  },
  framed: {
    title: "Frames restore the messages",
    shown: "Each message follows its length in four bytes. The reader gets the same three " +
      "messages, however the reads divide the stream.",
  },
  "half-close": {
    title: "Half-close: each direction is closed on its own",
    shown: "The client had closed its sending side and still received the answer.",
  },
  reset: {
    title: "A reset ends both directions at once",
    shown: "Bytes on their way may be lost, and the next read or write fails.",
  },
};

const PARTY_WIDTH = "client".length + 2;
const INDENT = 2;

/** The lessons in words, in lines that fit the terminal. */
class LessonTexts {
  readonly #columns: number | undefined;
  readonly #paints: Readonly<Record<LessonEvent["party"], Paint>>;
  readonly #bold: Paint;

  constructor({ columns, coloured }: OutputStream) {
    const style = makeStyle(coloured);
    this.#columns = columns;
    this.#paints = { server: style.cyan, client: style.green };
    this.#bold = style.bold;
  }

  title(name: LessonName): Said {
    const number = LESSONS.indexOf(name) + 1;
    const lines = wrapped(`${number}. ${TEXTS[name].title}`, this.#columns, 3);
    return { event: "lesson", fields: { name }, lines: [...lines.map(this.#bold), ""] };
  }

  event(event: LessonEvent): Said {
    const { party, kind, data, code } = event;
    const [first = "", ...more] = wrapped(lineOf(event), this.#columns, INDENT + PARTY_WIDTH);
    const label = this.#paints[party](party.padEnd(PARTY_WIDTH));
    return {
      event: kind.replace("-", "_"),
      fields: {
        party,
        ...(data.length === 0 ? {} : dataFields(data)),
        ...(code === undefined ? {} : { code }),
      },
      lines: [`${" ".repeat(INDENT)}${label}${first.trimStart()}`, ...more],
    };
  }

  outcome({ name, writes, reads, messages, asExpected }: LessonOutcome): Said {
    const text = asExpected ? TEXTS[name].shown : "This time the lesson did not show that.";
    const last = name === LESSONS.at(-1);
    return {
      event: "outcome",
      fields: { name, writes, reads, messages, as_expected: asExpected },
      lines: ["", ...wrapped(`  ${text}`, this.#columns, INDENT), ...(last ? [] : [""])],
    };
  }
}

function lineOf({ kind, data, code }: LessonEvent): string {
  const indent = " ".repeat(INDENT + PARTY_WIDTH);
  const texts: Readonly<Record<LessonEvent["kind"], string>> = {
    writes: `writes ${shownData(data)}`,
    reads: `reads ${shownData(data)}`,
    message: `has the message ${shownData(data)}`,
    ends: "closes its sending side (FIN)",
    "sees-end": "reads the end of the stream",
    resets: "resets the connection (RST)",
    fails: `fails to read: ${code}`,
  };
  return indent + texts[kind];
}

/**
 * Breaks a text at spaces into lines that fit the columns. A longer word stays whole.
 *
 * @param indent The indentation of every line but the first.
 */
function wrapped(text: string, columns = Infinity, indent = 0): string[] {
  const lines: string[] = [];
  let line = /^ */.exec(text)![0];
  let empty = true;
  for (const word of text.trimStart().split(" ")) {
    if (!empty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = " ".repeat(indent);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
