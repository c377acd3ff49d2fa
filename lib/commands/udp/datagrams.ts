/**
 * The commands for single datagrams: `parley udp send` and `parley udp listen`.
 *
 * @module
 */

import { writeBytes } from "../../base/bytes.ts";
import { hostPort, isIPv6, MAX_IPV6_BYTES } from "../../base/host_port.ts";
import { Failure, usageFailure } from "../../base/failure.ts";
import {
  dataFields,
  hexRows,
  printableLines,
  rowBytesFor,
  shownData,
} from "../../base/printable.ts";
import { type HostAndPort, readHost, readListenPlace, readPlace } from "../../cli/words.ts";
import { addressFields, counted, reportingFailure, type Said, say } from "../../cli/output.ts";
import type { Input } from "../../cli/spec.ts";
import { isMulticast, type MulticastGroup, readGroup } from "../../net/resolve_host.ts";
import { SOCKET_ERRORS } from "../../os/errors.ts";
import { readStream, TooLargeError } from "../../os/files.ts";
import {
  type Io,
  type OutputStream,
  TERMINATED,
  untilStopped,
  writeAll,
  writeError,
} from "../../os/io.ts";
import {
  type DatagramListener,
  listenDatagrams,
  sendDatagram,
  type SentDatagram,
} from "../../udp/datagram_socket.ts";
import { type Answer, type EchoClientEvent, openEchoClient } from "../../udp/echo_client.ts";
import type { UDP_LISTEN, UDP_SEND } from "./spec.ts";

/** How datagrams and events are printed. */
interface PrintOptions {
  readonly hex: boolean;
  readonly raw: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Reports an event: to programs on standard output, to people on standard error. */
function note(io: Io, { json, quiet }: PrintOptions, said: Said): void {
  if (json) say(io, said, true);
  if (json || quiet) return;
  for (const line of said.lines) writeError(io, `* ${line[0]!.toLowerCase()}${line.slice(1)}\n`);
}

function checkForm({ json, hex }: PrintOptions): void {
  if (json && hex) {
    throw usageFailure("--hex", "it cannot be combined with --json", "events have bytes as base64");
  }
}

type SendInput = Input<typeof UDP_SEND>;

/**
 * Sends one datagram, and prints its addresses or, with `--wait`, the answer.
 *
 * @returns The exit code: 0, 130 for Ctrl-C, or 143 for SIGTERM.
 * @throws {Failure} If it cannot be sent, or no answer comes.
 */
export async function send({ options, operands }: SendInput, io: Io): Promise<number> {
  checkForm(options);
  const { to, text } = readSendOperands(operands);
  return await reportingFailure(io, options.json, async () => {
    // Ctrl-C ends the program as usual while it reads.
    const data = await readPayload(io, text, to);
    return await untilStopped(io, async (signal) => {
      if (options.hex) await printDatagram(io.output, data, options, ">");
      if (options.wait !== undefined) {
        await new Question(io, options, to, options.wait).ask(data, signal);
        return 0;
      }
      const said = sentSaid(await sendDatagram(to.hostname, to.port, data));
      if (options.hex || options.quiet) note(io, options, said);
      else say(io, said, options.json);
      return 0;
    }, { terminated: TERMINATED });
  });
}

/** Reads `HOST PORT [TEXT]` or `HOST:PORT [TEXT]`. */
function readSendOperands(
  operands: readonly string[],
): { readonly to: HostAndPort; readonly text: string | undefined } {
  const [host = ""] = operands;
  const places = readHost(host).port === undefined ? 2 : 1;
  if (operands.length > places + 1) {
    throw usageFailure("TEXT", "there is more than one", "put a text with blanks in quotes");
  }
  return { to: readPlace(operands.slice(0, places)), text: operands[places] };
}

/** Returns the payload: the text, or standard input. It never reads more than a datagram holds. */
async function readPayload(
  io: Io,
  text: string | undefined,
  to: HostAndPort,
): Promise<Uint8Array> {
  if (text !== undefined && text !== "-") return new TextEncoder().encode(text);
  const atKeyboard = io.input.keyboard !== undefined;
  if (text === undefined && atKeyboard) throw textMissing("");
  if (atKeyboard) writeError(io, "* reading from here: Ctrl-D ends it\n");
  const data = await readInput(io, to);
  if (text === undefined && data.length === 0) throw textMissing(", and standard input is empty");
  return data;
}

function textMissing(also: string): Failure {
  const hint = "type the payload after the port, '' for an empty one, or - to read standard input";
  return usageFailure("TEXT", `it is missing${also}`, hint);
}

async function readInput(io: Io, to: HostAndPort): Promise<Uint8Array> {
  try {
    return await readStream(io.input.chunks(), MAX_IPV6_BYTES, () => {});
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    throw new Failure({
      what: `cannot send standard input to ${hostPort(to)}`,
      why: `it has more than ${MAX_IPV6_BYTES} bytes`,
      code: "EMSGSIZE",
      hint: SOCKET_ERRORS.EMSGSIZE?.hint,
    });
  }
}

/** Formats the event that a datagram was sent. */
export function sentSaid({ from, to, bytes }: SentDatagram): Said {
  return {
    event: "sent",
    fields: { from: addressFields(from), to: addressFields(to), bytes },
    lines: [`Sent ${counted(bytes, "byte")} from ${hostPort(from)} to ${hostPort(to)}`],
  };
}

/** The most datagrams from strangers that are reported. */
const MAX_TOLD = 10;

/** One datagram whose answer is waited for. */
class Question {
  readonly #io: Io;
  readonly #options: PrintOptions;
  readonly #to: HostAndPort;
  readonly #waitMs: number;
  #from: Deno.NetAddr | undefined;
  #strangers = 0;

  constructor(io: Io, options: PrintOptions, to: HostAndPort, waitMs: number) {
    this.#io = io;
    this.#options = options;
    this.#to = to;
    this.#waitMs = waitMs;
  }

  /** Sends the datagram, and prints the first answer. */
  async ask(data: Uint8Array, signal: AbortSignal): Promise<void> {
    await using client = await openEchoClient({
      ...this.#to,
      retries: 0,
      timeoutMs: this.#waitMs,
      promiscuous: isMulticast(this.#to.hostname),
      signal,
      event: (event) => this.#tell(event, client.server, data.length),
    });
    const answer = await client.ask(data);
    this.#note(answerSaid(answer));
    if (!this.#options.json) await printDatagram(this.#io.output, answer.data, this.#options);
  }

  #tell(event: EchoClientEvent, to: Deno.NetAddr, bytes: number): void {
    if (event.kind === "assigned") this.#from = event.addr;
    else if (event.kind === "asked") this.#note(sentSaid({ from: this.#from!, to, bytes }));
    else if (event.kind === "forged" && ++this.#strangers <= MAX_TOLD) {
      this.#note(forgedSaid(event.from, event.data, to));
    } else if (event.kind === "refused") this.#note(refusedSaid(to));
  }

  #note(said: Said): void {
    note(this.#io, this.#options, said);
  }
}

function answerSaid({ from, data, afterMs }: Answer): Said {
  const after_ms = Number(afterMs.toFixed(3));
  return {
    event: "answer",
    fields: { ...addressFields(from), ...dataFields(data), after_ms },
    lines: [
      `${hostPort(from)} sent ${counted(data.length, "byte")}, ${afterMs.toFixed(1)} ms later`,
    ],
  };
}

function forgedSaid(from: Deno.NetAddr, data: Uint8Array, to: Deno.NetAddr): Said {
  return {
    event: "forged",
    fields: { ...addressFields(from), ...dataFields(data) },
    lines: [
      `Forged: ${hostPort(from)} says ${shownData(data)}, but ${
        hostPort(to)
      } was asked; still waiting`,
    ],
  };
}

function refusedSaid(to: Deno.NetAddr): Said {
  return {
    event: "refused",
    fields: addressFields(to),
    lines: [`The system says that nothing listens at ${hostPort(to)}; still waiting`],
  };
}

type ListenInput = Input<typeof UDP_LISTEN>;

/**
 * Listens, and prints the datagrams that arrive.
 *
 * @returns The exit code: 0 after `--count` datagrams or for SIGTERM, 130 for Ctrl-C.
 * @throws {Failure} If it cannot listen or join a group, or `--idle` has passed.
 */
export async function listen({ options, operands, release }: ListenInput, io: Io): Promise<number> {
  checkForm(options);
  const groups = options.join.map(readGroup);
  const at = readListenPlace(operands, everyAddress(groups));
  checkGroups(groups, at);
  return await reportingFailure(io, options.json, () =>
    untilStopped(io, async (signal) => {
      const idle = options.idle === undefined ? {} : { idleMs: options.idle };
      await using listener = await listenDatagrams({ ...at, groups, ...idle, signal });
      release();
      note(io, options, listeningSaid(listener.addr, groups));
      await printDatagrams(io, options, listener);
      return 0;
    }));
}

async function printDatagrams(
  io: Io,
  options: ListenInput["options"],
  listener: DatagramListener,
): Promise<void> {
  const totals = { datagrams: 0, bytes: 0 };
  try {
    for await (const { data, from } of listener) {
      totals.datagrams += 1;
      totals.bytes += data.length;
      note(io, options, datagramSaid(data, from));
      if (!options.json) await printDatagram(io.output, data, options);
      if (totals.datagrams === options.count) return;
    }
  } finally {
    note(io, options, totalsSaid(totals));
  }
}

/** Every address of the groups' family; undefined without groups. */
function everyAddress([group]: readonly MulticastGroup[]): string | undefined {
  if (group === undefined) return undefined;
  return isIPv6(group.address) ? "::" : "0.0.0.0";
}

/** Refuses an address at which no datagram to the groups arrives. */
function checkGroups(groups: readonly MulticastGroup[], { hostname }: HostAndPort): void {
  const reached = [everyAddress(groups), ...groups.map(({ address }) => address)];
  // On Windows, the address of an interface receives what is sent to groups as well.
  if (groups.length > 0 && !reached.includes(hostname) && Deno.build.os !== "windows") {
    const why = `no datagram to a group arrives at ${hostname}`;
    throw usageFailure("--join", why, "leave out HOST to listen on all addresses");
  }
  if (groups.some(({ address }) => isIPv6(address) !== isIPv6(groups[0]!.address))) {
    throw usageFailure("--join", "one command cannot join groups of both IPv4 and IPv6");
  }
}

function listeningSaid(addr: Deno.NetAddr, groups: readonly MulticastGroup[]): Said {
  const names = groups.map(({ address, network }) =>
    network === undefined ? address : `${address}%${network}`
  );
  const joined = names.length === 0 ? "" : `, joined ${names.join(", ")}`;
  return {
    event: "listening",
    fields: { ...addressFields(addr), groups: names },
    lines: [`listening on ${hostPort(addr)}${joined}`],
  };
}

function datagramSaid(data: Uint8Array, from: Deno.NetAddr): Said {
  return {
    event: "datagram",
    fields: { ...addressFields(from), ...dataFields(data) },
    lines: [`${hostPort(from)} sent ${counted(data.length, "byte")}`],
  };
}

function totalsSaid(totals: { readonly datagrams: number; readonly bytes: number }): Said {
  const { datagrams, bytes } = totals;
  return {
    event: "summary",
    fields: { ...totals },
    lines: [`${counted(datagrams, "datagram")}, ${counted(bytes, "byte")}`],
  };
}

/**
 * Prints one datagram. A terminal gets it on lines of its own.
 *
 * @param output Standard output.
 * @param bytes The payload.
 * @param options The form of the bytes.
 * @param mark The direction, for hexadecimal: `>` for sent bytes, `<` for received ones.
 */
async function printDatagram(
  output: OutputStream,
  bytes: Uint8Array,
  { hex, raw }: Pick<PrintOptions, "hex" | "raw">,
  mark = "<",
): Promise<void> {
  if (hex) writeAll(output, hexRows(bytes, mark, 0, rowBytesFor(output.columns)));
  else if (raw || !output.isTerminal) await writeBytes(output, bytes);
  else writeAll(output, printableLines(bytes).replace(/\n?$/, "\n"));
}
