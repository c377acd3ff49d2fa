/**
 * The commands that open connections: `parley tcp connect`, `parley tcp listen` and `parley tcp check`.
 *
 * @module
 */

import { writeBytes } from "../../base/bytes.ts";
import { type Failure, usageFailure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { dataFields, hexRows, printable, rowBytesFor, TerminalText } from "../../base/printable.ts";
import {
  counted,
  endpointFields,
  failureFields,
  reportingFailure,
  type Said,
  say as sayTo,
} from "../../cli/output.ts";
import { readEndpoint, readListenEndpoint, readPorts } from "../../cli/words.ts";
import type { Input } from "../../cli/spec.ts";
import {
  certificateWarning,
  readClientFiles,
  readServerFiles,
  type TlsServerOptions,
} from "../../net/tls.ts";
import {
  type InputStream,
  type Io,
  type OutputStream,
  TERMINATED,
  untilStopped,
  writeAll,
  writeError,
} from "../../os/io.ts";
import {
  type CheckedPort,
  checkPorts,
  connect,
  type Connection,
  type ConnectOptions,
  type Endpoint,
  endpointOf,
  type PortState,
  shownEndpoint,
} from "../../tcp/connect.ts";
import {
  crlfEncoder,
  exchange,
  type Exchanged,
  type Readable,
  Source,
} from "../../tcp/exchange.ts";
import { HandshakeFailure, listen, type Listener } from "../../tcp/listen.ts";
import { makeStyle, type Style } from "../../terminal/terminal.ts";
import type { TCP_CHECK, TCP_CONNECT, TCP_LISTEN } from "./spec.ts";

type ConnectInput = Input<typeof TCP_CONNECT>;
type ListenInput = Input<typeof TCP_LISTEN>;

/**
 * Connects, sends standard input, and prints the bytes that arrive.
 *
 * @returns The exit code: 0 if both sides closed the connection or for SIGTERM, 130 for Ctrl-C.
 * @throws {Failure} If it cannot connect, or the connection breaks.
 */
export async function connectTo(
  { options, operands, release }: ConnectInput,
  io: Io,
): Promise<number> {
  const to = readEndpoint(operands);
  checkConnectTls(options, to);
  const session = new Session(io, options);
  const { timeout: timeoutMs, json } = options;
  return await reportingFailure(io, json, () =>
    untilStopped(io, async (signal) => {
      const tls = await clientTls(options);
      if (!("path" in to)) release();
      const connection = await connect({ to, timeoutMs, signal, ...tls });
      release();
      noteConnected(session, to, connection, options.tls);
      const failure = await session.run(connection, signal);
      if (failure !== undefined) throw failure;
      return 0;
    }));
}

function checkConnectTls(options: ConnectInput["options"], to: Endpoint): void {
  if (options.tls && "path" in to) {
    throw usageFailure("--tls", "it needs a host and a port, not a Unix socket");
  }
  for (const name of ["ca", "server-name"] as const) {
    if (options[name] !== undefined && !options.tls) {
      throw usageFailure(`--${name}`, "it has no effect without --tls");
    }
  }
}

async function clientTls(options: ConnectInput["options"]): Promise<Pick<ConnectOptions, "tls">> {
  if (!options.tls) return {};
  const trusted = await readClientFiles({ ca: options.ca });
  const serverName = options["server-name"];
  return { tls: { ...trusted, ...(serverName === undefined ? {} : { serverName }) } };
}

/** Reports the connection, and the address that answered for a host name. */
function noteConnected(session: Session, to: Endpoint, connection: Connection, tls: boolean): void {
  const remote = "path" in to ? to : endpointOf(connection.remoteAddr);
  const name = "hostname" in to && "hostname" in remote && to.hostname !== remote.hostname
    ? to.hostname
    : undefined;
  const named = name === undefined ? "" : ` (${printable(name)})`;
  session.note(
    "connected",
    { ...endpointFields(remote), ...(name === undefined ? {} : { name }), tls },
    `connected to ${shownEndpoint(remote)}${named}${tls ? ", with TLS" : ""}`,
  );
}

/**
 * Listens, and serves one connection, or with `--keep` one after the other, from standard input and output.
 *
 * @returns The exit code: 0 if both sides closed the connection or for SIGTERM, 130 for Ctrl-C.
 * @throws {Failure} If it cannot listen, or the only connection breaks.
 */
export async function listenAt(
  { options, operands, release }: ListenInput,
  io: Io,
): Promise<number> {
  const at = readListenEndpoint(operands);
  checkListenTls(options, at);
  const session = new Session(io, options);
  return await reportingFailure(io, options.json, () =>
    untilStopped(io, async (signal) => {
      const tls = await serverTls(options);
      // Closing removes the file of a Unix socket.
      if (!("path" in at)) release();
      using listener = listen({ at, ...(tls === undefined ? {} : { tls }) });
      const { endpoint } = listener;
      const line = `listening on ${shownEndpoint(endpoint)}`;
      session.note("listening", endpointFields(endpoint), line);
      const text = tls && await certificateWarning(tls.cert);
      if (text !== undefined) session.note("notice", { text }, text);
      const server = new Server(listener, session, signal);
      return await (options.keep ? server.takeAll() : server.takeOne());
    }));
}

function checkListenTls(options: ListenInput["options"], at: Endpoint): void {
  const [cert, key] = [options["tls-cert"], options["tls-key"]];
  if ((cert === undefined) !== (key === undefined)) {
    throw usageFailure("--tls-cert and --tls-key", "one of them is missing");
  }
  if (cert !== undefined && "path" in at) {
    throw usageFailure("--tls-cert", "TLS needs a host and a port, not a Unix socket");
  }
}

async function serverTls(options: ListenInput["options"]): Promise<TlsServerOptions | undefined> {
  const [cert, key] = [options["tls-cert"], options["tls-key"]];
  if (cert === undefined || key === undefined) return undefined;
  return await readServerFiles({ cert, key });
}

/** Serves the connections of a listener. */
class Server {
  readonly #listener: Listener;
  readonly #session: Session;
  readonly #signal: AbortSignal;

  constructor(listener: Listener, session: Session, signal: AbortSignal) {
    this.#listener = listener;
    this.#session = session;
    this.#signal = signal;
    signal.addEventListener("abort", () => listener.close());
  }

  /** Serves one connection, and stops listening once it is accepted. */
  async takeOne(): Promise<number> {
    const failure = await this.#serve(() => this.#listener.close());
    if (failure !== undefined) throw failure;
    return 0;
  }

  /** Serves one connection after the other, and reports those that fail. */
  async takeAll(): Promise<never> {
    for (;;) {
      try {
        const failure = await this.#serve(() => {});
        if (failure !== undefined) this.#noteFailed(failure);
      } catch (error) {
        if (!(error instanceof HandshakeFailure)) throw error;
        this.#noteFailed(error);
      }
    }
  }

  async #serve(accepted: () => void): Promise<Failure | undefined> {
    const connection = await this.#accept();
    accepted();
    const remote = endpointOf(connection.remoteAddr);
    const line = `${shownEndpoint(remote)} has connected`;
    this.#session.note("connected", endpointFields(remote), line);
    return await this.#session.run(connection, this.#signal);
  }

  async #accept(): Promise<Connection> {
    try {
      return await this.#listener.accept();
    } catch (error) {
      this.#signal.throwIfAborted(); // the abort has closed the listener
      throw error;
    }
  }

  #noteFailed(failure: Failure): void {
    this.#session.note("failed", failureFields(failure), printable(failure.message));
  }
}

/** The options of both commands that concern a connection. */
interface SessionOptions {
  readonly idle: number | undefined;
  readonly crlf: boolean;
  readonly hex: boolean;
  readonly raw: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** The most bytes that are read from standard input at once: the capacity of a pipe on Linux. */
const INPUT_BYTES = 64 << 10;

/** Exchanges bytes between standard input and output and one connection after the other. */
class Session {
  readonly #io: Io;
  readonly #options: SessionOptions;
  readonly #input: Source;

  /**
   * Creates a session. It does not read yet.
   *
   * @throws {Failure} Usage, if the options exclude each other.
   */
  constructor(io: Io, options: SessionOptions) {
    if (options.json && options.hex) {
      throw usageFailure(
        "--hex",
        "it cannot be combined with --json",
        "events have bytes as base64",
      );
    }
    this.#io = io;
    this.#options = options;
    this.#input = new Source(readableOf(io.input), INPUT_BYTES);
  }

  /** Reports an event: to people on standard error, to programs on standard output. */
  note(event: string, fields: Readonly<Record<string, unknown>>, line: string): void {
    const { json, quiet } = this.#options;
    if (json) sayTo(this.#io, { event, fields, lines: [] }, true);
    else if (!quiet) writeError(this.#io, `* ${line}\n`);
  }

  /**
   * Exchanges bytes over a connection until it ends, and reports the end.
   *
   * @returns Why the connection broke; undefined if both sides closed it.
   */
  async run(connection: Connection, signal: AbortSignal): Promise<Failure | undefined> {
    const { idle, crlf } = this.#options;
    const remote = endpointOf(connection.remoteAddr);
    const display = makeDisplay(this.#io.output, this.#options);
    const ended = await exchange(connection, {
      input: this.#input,
      received: display.received,
      signal,
      // A person does not type for a connection that the other side has closed.
      ...(this.#io.input.keyboard === undefined ? {} : { pauseMs: 0 }),
      ...(display.sent === undefined ? {} : { sent: display.sent }),
      ...(crlf ? { encode: crlfEncoder() } : {}),
      ...(idle === undefined ? {} : { idleMs: idle }),
    });
    display.end();
    this.#noteEnd(remote, ended);
    return ended.failure;
  }

  #noteEnd(remote: Endpoint, exchanged: Exchanged): void {
    const { sent, received, inputEnded, cutShort, failure } = exchanged;
    const fields = { sent, received, input_ended: inputEnded, cut_short: cutShort };
    const code = failure === undefined ? {} : { code: failure.code };
    const ending = inputEnded ? "has ended" : "has ended first";
    const how = failure === undefined ? ending : "is broken off";
    const sum = `${counted(sent, "byte")} sent, ${received.toLocaleString("en-US")} received`;
    this.note(
      "ended",
      { ...endpointFields(remote), ...fields, ...code },
      `${shownEndpoint(remote)} ${how}: ${sum}`,
    );
    if (cutShort) this.#warn(remote);
  }

  /** Warns of an end that may be forged, with `--quiet` as well. In JSON, `cut_short` says so. */
  #warn(remote: Endpoint): void {
    if (this.#options.json) return;
    const line = `* ${shownEndpoint(remote)} ended without close_notify of TLS: ` +
      "unless its program never sends that, bytes may be missing";
    writeError(this.#io, `${line}\n`);
  }
}

/** Returns an input as a stream that is read into buffers. */
export function readableOf(input: InputStream): Readable {
  if (input.read !== undefined) return { read: input.read };
  let chunks: AsyncIterator<Uint8Array> | undefined;
  let rest = new Uint8Array(0);
  return {
    async read(into) {
      chunks ??= input.chunks()[Symbol.asyncIterator]();
      while (rest.length === 0) {
        const { done, value } = await chunks.next();
        if (done === true) return null;
        rest = new Uint8Array(value);
      }
      const length = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, length));
      rest = rest.subarray(length);
      return length;
    },
  };
}

const COLOUR: Readonly<Record<PortState, "green" | "yellow" | "red">> = {
  open: "green",
  refused: "yellow",
  timeout: "red",
  unreachable: "red",
};

/**
 * Checks ports, and prints the state of each one.
 *
 * @returns The exit code: 0 if every port is open, 1 otherwise, 130 for Ctrl-C, 143 for SIGTERM.
 * @throws {Failure} If there is no such host, or this process cannot connect at all.
 */
export function check({ options, operands }: Input<typeof TCP_CHECK>, io: Io): Promise<number> {
  const [hostname = "", ...words] = operands;
  const ports = readPorts(words);
  const { json, parallel, timeout: timeoutMs } = options;
  const say = (said: Said) => sayTo(io, said, json);
  const style = makeStyle(io.output.coloured);
  const counts = { open: 0, refused: 0, timeout: 0, unreachable: 0 };
  return reportingFailure(io, json, () =>
    untilStopped(io, async (signal) => {
      for await (const checked of checkPorts({ hostname, ports, timeoutMs, parallel, signal })) {
        counts[checked.state] += 1;
        say(portSaid(hostname, checked, style));
      }
      if (json || ports.length > 1) say(checkSummary(hostname, counts));
      return counts.open === ports.length ? 0 : 1;
    }, { terminated: TERMINATED }));
}

function portSaid(host: string, checked: CheckedPort, style: Style): Said {
  const { port, state, address, time_ms, error } = checked;
  const time = time_ms === null ? "" : `${time_ms.toFixed(2)} ms`.padStart(12);
  const at = address === null || address === host
    ? ""
    : `  ${hostPort({ hostname: address, port })}`;
  const why = error === null ? "" : `  ${error}`;
  const painted = style[COLOUR[state]](state.padEnd(11));
  const line = `${String(port).padStart(5)}  ${painted}${time}${why}${at}`;
  return { event: "port", fields: { host, ...checked }, lines: [line.trimEnd()] };
}

function checkSummary(host: string, counts: Readonly<Record<PortState, number>>): Said {
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  return {
    event: "summary",
    fields: { host, ...counts },
    lines: [`${printable(host)}: ${parts.join(", ")}`],
  };
}

/** Prints the bytes of one connection. */
interface Display {
  /** Prints sent bytes. Undefined if they are not shown. */
  readonly sent: ((bytes: Uint8Array) => void) | undefined;
  /** Prints received bytes. */
  received(bytes: Uint8Array): Promise<void> | void;
  /** Prints the bytes that it held back, which may be the start of a character. */
  end(): void;
}

/** The form in which bytes are printed. */
interface DisplayOptions {
  readonly json: boolean;
  readonly hex: boolean;
  /** Whether a terminal gets the bytes unchanged. */
  readonly raw: boolean;
}

/** Returns a display for one connection. */
function makeDisplay(output: OutputStream, { json, hex, raw }: DisplayOptions): Display {
  if (json) return jsonDisplay(output);
  if (hex) return hexDisplay(output);
  return output.isTerminal && !raw ? terminalDisplay(output) : plainDisplay(output);
}

function plainDisplay(output: OutputStream): Display {
  return { sent: undefined, received: (bytes) => writeBytes(output, bytes), end: () => {} };
}

function jsonDisplay(output: OutputStream): Display {
  const event = (name: string) => (bytes: Uint8Array) =>
    sayTo({ output }, { event: name, fields: dataFields(bytes), lines: [] }, true);
  return { sent: event("sent"), received: event("received"), end: () => {} };
}

function hexDisplay(output: OutputStream): Display {
  const rowBytes = rowBytesFor(output.columns);
  const dump = (mark: string) => {
    let offset = 0;
    return (bytes: Uint8Array) => {
      writeAll(output, hexRows(bytes, mark, offset, rowBytes));
      offset += bytes.length;
    };
  };
  return { sent: dump(">"), received: dump("<"), end: () => {} };
}

function terminalDisplay(output: OutputStream): Display {
  const text = new TerminalText();
  let isMidLine = false;
  const print = (shown: string) => {
    if (shown !== "") isMidLine = !shown.endsWith("\n");
    return writeAll(output, shown);
  };
  return {
    sent: undefined,
    received: (bytes) => print(text.add(bytes)),
    end: () => {
      print(text.end());
      // What follows, such as the report of the end or the shell's prompt, is a line of its own.
      if (isMidLine) print("\n");
    },
  };
}
