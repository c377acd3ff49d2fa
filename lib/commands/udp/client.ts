/**
 * An echo client at a terminal or in a pipe.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { printLines, reportingFailure, type Said, say as sayTo } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { StopSignals } from "../../os/process.ts";
import { type EchoClient, openEchoClient } from "../../udp/echo_client.ts";
import { timeText } from "../../udp/forgery.ts";
import { Histogram } from "../../udp/histogram.ts";
import { ClientNarrator, clientSummary, unanswered } from "./client_text.ts";
import type { UDP_CLIENT } from "./spec.ts";

/** Whom to ask, and what. */
export interface AskOptions {
  readonly hostname: string;
  readonly port: number;
  /** What to ask; the time without. */
  readonly text: string | undefined;
  /** How many questions. */
  readonly count: number;
  /** From one question to the next, in milliseconds. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly promiscuous: boolean;
  readonly json: boolean;
}

/**
 * Asks, and says what comes.
 *
 * @returns The exit code: 0 where every question was answered, 130 for Ctrl-C.
 * @throws {Failure} Where one was not answered or could not be asked.
 */
export function ask(io: Io, options: AskOptions): Promise<number> {
  return reportingFailure(io, options.json, () => askAll(io, options));
}

async function askAll(io: Io, options: AskOptions): Promise<number> {
  const { json, count, promiscuous, ...connection } = options;
  const say = (said: Said) => sayTo(io, said, json);
  const narrator = new ClientNarrator(say);
  using signals = new StopSignals(io);
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

/** One question after the other. */
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

/** Asks an echo server. */
export function run({ options, operands }: Input<typeof UDP_CLIENT>, io: Io): Promise<number> {
  return ask(io, {
    hostname: operands[0] ?? "127.0.0.1",
    port: options.port,
    text: options.message,
    count: options.count,
    intervalMs: options.interval,
    timeoutMs: options.timeout,
    retries: options.retries,
    promiscuous: options.promiscuous,
    json: options.json,
  });
}
