/**
 * `parley udp client`: asks an echo server, and says who answers.
 *
 * @module
 */

import { hostPort, LOOPBACK, sameAddress, timeText } from "../../base/host_port.ts";
import { Failure } from "../../base/failure.ts";
import {
  addressFields,
  counted,
  printLines,
  reportingFailure,
  type Said,
  say as sayTo,
} from "../../cli/output.ts";
import { dataFields, shownData } from "../../base/printable.ts";
import type { Input } from "../../cli/spec.ts";
import { type Io, StopSignals, TERMINATED } from "../../os/io.ts";
import {
  type EchoClient,
  type EchoClientCounts,
  type EchoClientEvent,
  openEchoClient,
  type Verdict,
} from "../../udp/echo_client.ts";
import { Histogram } from "../../udp/load.ts";
import type { UDP_CLIENT } from "./spec.ts";

/** The server to ask, and the questions. */
interface AskOptions {
  readonly hostname: string;
  readonly port: number;
  /** The question; undefined for the time of day. */
  readonly text: string | undefined;
  /** How many questions. */
  readonly count: number;
  /** The time from one question to the next, in milliseconds. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly promiscuous: boolean;
  readonly json: boolean;
}

/**
 * Asks an echo server, and prints its answers.
 *
 * @returns The exit code: 0 if every question was answered, 130 for Ctrl-C, 143 for SIGTERM.
 * @throws {Failure} If a question was not answered or could not be asked.
 */
export function client({ options, operands }: Input<typeof UDP_CLIENT>, io: Io): Promise<number> {
  const questions: AskOptions = {
    hostname: operands[0] ?? LOOPBACK,
    port: options.port,
    text: options.message,
    count: options.count,
    intervalMs: options.interval,
    timeoutMs: options.timeout,
    retries: options.retries,
    promiscuous: options.promiscuous,
    json: options.json,
  };
  return reportingFailure(io, options.json, () => askAll(io, questions));
}

async function askAll(io: Io, options: AskOptions): Promise<number> {
  const { json, count, promiscuous, ...connection } = options;
  const say = (said: Said) => sayTo(io, said, json);
  const narrator = new ClientNarrator(say);
  using signals = new StopSignals(io, { terminated: TERMINATED });
  const stop = new AbortController();
  await using client = await openEchoClient({
    ...connection,
    promiscuous,
    signal: stop.signal,
    event: (event) => narrator.tell(event, client.server),
  });
  const run = new Run(client, options, stop.signal, say);
  const stopped = signals.stopped.then((code) => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    return code;
  });
  const code = await Promise.race([stopped, run.askAll().then(() => undefined)]);
  if (code !== undefined && !json && io.output.isTerminal) printLines(io, [""]);
  if (json || count > 1 || code !== undefined) say(clientSummary(client.counts, run.roundTrips));
  return code ?? run.exitCode();
}

/** Asks the questions one after the other. */
class Run {
  readonly roundTrips = new Histogram();
  readonly #failures: Failure[] = [];

  constructor(
    readonly client: EchoClient,
    readonly options: AskOptions,
    readonly signal: AbortSignal,
    readonly say: (said: Said) => void,
  ) {}

  async askAll(): Promise<void> {
    const { count, intervalMs } = this.options;
    for (let question = 1; question <= count; question++) {
      const pause = question < count ? this.#pause(intervalMs) : undefined;
      await this.#ask(question);
      await pause;
      if (this.signal.aborted) return;
    }
  }

  exitCode(): number {
    const [first] = this.#failures;
    if (first === undefined) return 0;
    if (this.options.count === 1) throw first;
    const { questions, asked } = this.client.counts;
    throw new Failure({
      what: `asked ${hostPort(this.client.server)} ${asked} times`,
      why: `the server did not answer ${this.#failures.length} of ${questions} questions`,
      code: first.code,
      hint: first.hint,
    });
  }

  async #ask(question: number): Promise<void> {
    const text = this.options.text ?? timeText();
    try {
      const { afterMs } = await this.client.ask(text);
      this.roundTrips.record(afterMs * 1000);
    } catch (error) {
      if (this.signal.aborted && error === this.signal.reason) return;
      if (!(error instanceof Failure && error.code === "ETIMEDOUT")) throw error;
      this.#failures.push(error);
      if (this.options.count > 1) this.say(unanswered(question, error.what));
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.signal.addEventListener("abort", done);
    });
  }
}

/**
 * Formats an event of the client.
 *
 * @param event The event.
 * @param server The server that the client asks.
 * @param waiting Whether the client still waits for an answer.
 */
export function clientSaid(event: EchoClientEvent, server: Deno.NetAddr, waiting: boolean): Said {
  const { question } = event;
  const stillWaiting = waiting ? "; still waiting" : "";
  switch (event.kind) {
    case "assigned":
      return {
        event: "assigned",
        fields: { question, ...addressFields(event.addr) },
        lines: [`The OS assigned me the address ${hostPort(event.addr)}`],
      };
    case "asked":
      return {
        event: "asked",
        fields: { question, times: event.times, ...addressFields(server) },
        lines: event.times === 1 ? [] : [`No reply yet: asked again, ${event.times} times now`],
      };
    case "refused":
      return {
        event: "refused",
        fields: { question, ...addressFields(server) },
        lines: [`The system says that nothing listens at ${hostPort(server)}${stillWaiting}`],
      };
    default:
      return replied(event, server, stillWaiting);
  }
}

type Reply = EchoClientEvent & { readonly kind: Verdict };

function replied(event: Reply, server: Deno.NetAddr, stillWaiting: string): Said {
  const { kind, question, from, data, afterMs } = event;
  const who = hostPort(from);
  const what = shownData(data);
  const asked = hostPort(server);
  const after = `${afterMs.toFixed(1)} ms`;
  const line = {
    answer: sameAddress(from, server)
      ? `The server ${who} replied ${what}`
      : `${who} replied ${what}, and is believed, though ${asked} was asked`,
    forged: `Forged: ${who} says ${what}, but ${asked} was asked${stillWaiting}`,
    late: `Late: ${who} replied ${what} to question ${question}, after ${after}`,
    duplicate: `Duplicate: ${who} replied ${what} to question ${question} again, after ${after}`,
  }[kind];
  return {
    event: kind,
    fields: {
      question,
      ...addressFields(from),
      ...dataFields(data),
      after_ms: Number(afterMs.toFixed(3)),
    },
    lines: [line],
  };
}

/** Formats the event that a question was not answered and another one follows. */
export function unanswered(question: number, message: string): Said {
  return {
    event: "unanswered",
    fields: { question, message },
    lines: [`No answer to question ${question}: ${message}`],
  };
}

/** Formats the client's counts at its end. */
export function clientSummary(counts: EchoClientCounts, roundTrips: Histogram): Said {
  const { questions, asked, answered, forged, late, duplicates } = counts;
  const ms = (us: number) => (us / 1000).toFixed(2);
  const { min, max } = roundTrips;
  const median = roundTrips.percentile(0.5);
  const times = `round trip ${ms(min)} / ${ms(median)} / ${ms(max)} ms (min / median / max)`;
  return {
    event: "summary",
    fields: {
      questions,
      asked,
      answered,
      forged,
      late,
      duplicates,
      ...(answered === 0 ? {} : { min_us: min, median_us: median, max_us: max }),
    },
    lines: [
      `${counted(questions, "question")} in ${counted(asked, "datagram")}: ${answered} answered, ` +
      `${forged} forged, ${late} late, ${duplicates} duplicated`,
      ...(answered === 0 ? [] : [times]),
    ],
  };
}

/** The most unexpected datagrams that are printed for each question. The summary counts all of them. */
const MAX_TOLD = 10;

/** Prints the events of an echo client. */
export class ClientNarrator {
  readonly #say: (said: Said) => void;
  #waitingFor = 0;
  #question = 0;
  #unasked = 0;

  /** @param say Prints an event. */
  constructor(say: (said: Said) => void) {
    this.#say = say;
  }

  /** Prints an event of a client that asks `server`. */
  tell(event: EchoClientEvent, server: Deno.NetAddr): void {
    if (event.kind === "assigned") {
      this.#question = event.question;
      this.#waitingFor = event.question;
      this.#unasked = 0;
    }
    if (event.kind === "answer") this.#waitingFor = 0;
    const unasked = ["forged", "late", "duplicate"].includes(event.kind);
    if (unasked && ++this.#unasked > MAX_TOLD) {
      if (this.#unasked === MAX_TOLD + 1) this.#say(more(this.#question));
      return;
    }
    const waiting = event.question === this.#waitingFor;
    this.#say(clientSaid(event, server, waiting));
  }
}

function more(question: number): Said {
  return {
    event: "notice",
    fields: { question, text: "more of these are only counted" },
    lines: ["More of these are only counted"],
  };
}
