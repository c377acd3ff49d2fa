/**
 * A client of an echo server: it sends a question, sends it again if no answer comes, and checks who answers.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import {
  DEFAULT_PORT,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  hostPort,
  LOOPBACK,
  sameAddress,
} from "../base/host_port.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";
import { Receiver } from "./datagram_port.ts";
import { isRefusal, openSender, sendFrom } from "./datagram_socket.ts";

/** The most ports of earlier questions that stay open for late replies. */
const MAX_LINGERING = 16;

/** Counts of an echo client. */
export interface EchoClientCounts {
  /** Questions asked. */
  readonly questions: number;
  /** Datagrams sent, including resends. */
  readonly asked: number;
  /** Questions that were answered. */
  readonly answered: number;
  /** Datagrams from other senders, which were not accepted. */
  readonly forged: number;
  /** Further replies by the same sender to a question that had been answered. */
  readonly duplicates: number;
  /** Replies to a question that had been given up, or answered by another sender. */
  readonly late: number;
}

/** An echo client. */
export interface EchoClient extends AsyncDisposable {
  /** The server that it asks. */
  readonly server: Deno.NetAddr;
  /** The counts so far. */
  readonly counts: EchoClientCounts;
  /**
   * Asks a question and waits for the answer.
   *
   * @param data Bytes, or text to send as UTF-8.
   * @throws {Failure} `ETIMEDOUT` if the server does not answer in time, `EMSGSIZE` if the data is too large for a
   * datagram.
   * @throws The signal's reason, if it aborts.
   */
  ask(data: string | Uint8Array): Promise<Answer>;
  /** Closes every port. Questions under way fail. */
  close(): Promise<void>;
}

/**
 * Opens an echo client.
 *
 * Each question is sent from its own port, which stays open for a while. A late or duplicate reply is thus not mistaken
 * for the answer to the next question, although replies do not say what they answer.
 *
 * @param options The server, and how long to wait.
 * @throws {Failure} If the host does not exist.
 *
 * @example
 * ```ts
 * import { openEchoServer } from "./echo_server.ts";
 *
 * await using server = openEchoServer({ port: 0 });
 * await using client = await openEchoClient({ port: server.addr.port, timeoutMs: 1000 });
 * console.log((await client.ask("hello")).text); // Your data was 5 bytes long
 * ```
 */
export async function openEchoClient(options: EchoClientOptions = {}): Promise<EchoClient> {
  options.signal?.throwIfAborted();
  const { hostname = LOOPBACK, port = DEFAULT_PORT } = options;
  return new Client(await resolveHost(hostname, port), options);
}

class Client implements EchoClient {
  readonly server: Deno.NetAddr;
  readonly counts = { questions: 0, asked: 0, answered: 0, forged: 0, duplicates: 0, late: 0 };
  readonly #options: EchoClientOptions;
  readonly #open = new Set<OpenQuestion>();
  readonly #stop = new AbortController();

  constructor(server: Deno.NetAddr, options: EchoClientOptions) {
    this.server = server;
    this.#options = options;
    const { signal } = options;
    if (signal === undefined) return;
    const aborted = () => this.#close(signal.reason);
    signal.addEventListener("abort", aborted);
    this.#stop.signal.addEventListener("abort", () => signal.removeEventListener("abort", aborted));
  }

  async ask(data: string | Uint8Array): Promise<Answer> {
    this.#stop.signal.throwIfAborted();
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    const question = new OpenQuestion({
      server: this.server,
      number: ++this.counts.questions,
      options: this.#options,
      tell: (event) => {
        this.#count(event);
        this.#options.event?.(event);
      },
    });
    this.#open.add(question);
    question.finished.then(() => this.#open.delete(question));
    this.#limitLingering();
    try {
      return await question.ask(bytes, this.#stop.signal);
    } catch (error) {
      // A question that timed out may still be answered. After any other failure nothing can arrive.
      if (!(error instanceof Failure && error.code === "ETIMEDOUT")) question.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#close(new DOMException("The client was closed", "AbortError"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    const open = [...this.#open];
    for (const question of open) question.close();
    await Promise.all(open.map((question) => question.finished));
  }

  #limitLingering(): void {
    const lingering = [...this.#open].filter((question) => question.over);
    for (const question of lingering.slice(0, -MAX_LINGERING)) question.close();
  }

  #count({ kind }: EchoClientEvent): void {
    if (kind === "asked") this.counts.asked += 1;
    else if (kind === "answer") this.counts.answered += 1;
    else if (kind === "forged") this.counts.forged += 1;
    else if (kind === "duplicate") this.counts.duplicates += 1;
    else if (kind === "late") this.counts.late += 1;
  }
}

/** An event of an echo client. `question` counts from 1. */
export type EchoClientEvent =
  /** The system assigned a port to the question. */
  | { readonly kind: "assigned"; readonly question: number; readonly addr: Deno.NetAddr }
  /** The question was sent, for the first time or again. `times` counts from 1. */
  | { readonly kind: "asked"; readonly question: number; readonly times: number }
  /** A datagram arrived at the question's port. `data` is valid until the listener returns. */
  | {
    readonly kind: Verdict;
    readonly question: number;
    readonly from: Deno.NetAddr;
    readonly data: Uint8Array;
    /** Milliseconds since the question was first sent. */
    readonly afterMs: number;
  }
  /** The system reports that nothing listens at the server's port. The client keeps waiting. Never on Linux. */
  | { readonly kind: "refused"; readonly question: number };

/** The server to ask, and how long to wait. */
export interface EchoClientOptions {
  /** The server's name or address; {@linkcode LOOPBACK} by default. */
  readonly hostname?: string;
  /** The server's port; {@linkcode DEFAULT_PORT} by default. */
  readonly port?: number;
  /** Whether to accept the first datagram from any sender as the reply; false by default. */
  readonly promiscuous?: boolean;
  /** How long to wait for an answer, including resends, in milliseconds; {@linkcode DEFAULT_TIMEOUT_MS} by default. */
  readonly timeoutMs?: number;
  /** How often a question is sent again at most; {@linkcode DEFAULT_RETRIES} by default. */
  readonly retries?: number;
  /** Called for every event. */
  readonly event?: (event: EchoClientEvent) => void;
  /** Aborts the questions under way. */
  readonly signal?: AbortSignal;
  /** Returns numbers from 0 to 1 for the jitter of resends; `Math.random` by default. */
  readonly random?: () => number;
}

/** The reply to a question. */
export interface Answer {
  /** Its sender. */
  readonly from: Deno.NetAddr;
  /** Its bytes. */
  readonly data: Uint8Array;
  /** Its bytes as UTF-8. Invalid sequences become U+FFFD. */
  readonly text: string;
  /** The number of times that the question was sent before the reply came. */
  readonly asked: number;
  /** Milliseconds since the question was first sent. */
  readonly afterMs: number;
}

/** The parts of a question. */
interface Parts {
  readonly server: Deno.NetAddr;
  /** The number of the question, from 1. */
  readonly number: number;
  readonly options: EchoClientOptions;
  readonly tell: (event: EchoClientEvent) => void;
}

/** Sends a question until an answer comes. The port stays open for a while after that, to recognise late replies. */
export class OpenQuestion {
  readonly #parts: Parts;
  readonly #timeoutMs: number;
  readonly #socket: Deno.DatagramConn;
  readonly #receiver: Receiver;
  readonly #question: Question;
  readonly #answer = Promise.withResolvers<Answer>();
  #asked = 0;
  #askedAt = 0;
  #refused = false;
  #over = false;
  #closed = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  /** Opens the question's port. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timeoutMs = parts.options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#question = new Question(parts.server, parts.options.promiscuous ?? false);
    this.#socket = openSender(parts.server);
    this.#receiver = new Receiver(this.#socket, {
      datagram: (data, from) => this.#guard(() => this.#datagram(data, from)),
      failed: (error) => this.#guard(() => this.#failed(error)),
    }, 1);
  }

  /** Resolves when the port is closed. */
  get finished(): Promise<void> {
    return this.#receiver.finished;
  }

  /** Whether the question was answered or given up. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends the question until an answer comes or the time limit is reached. */
  async ask(data: Uint8Array, stop: AbortSignal): Promise<Answer> {
    const aborted = () => this.#answer.reject(stop.reason);
    stop.addEventListener("abort", aborted);
    const timers = this.#startAsking(data);
    try {
      return await this.#answer.promise;
    } finally {
      stop.removeEventListener("abort", aborted);
      for (const timer of timers) clearTimeout(timer);
      this.#question.giveUp();
      this.#over = true;
      if (!this.#closed) this.#lingering = setTimeout(() => this.close(), this.#timeoutMs);
    }
  }

  /** Closes the port. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#lingering);
    this.#receiver.close();
  }

  /** Starts sending. Returns the timers of the deadline and of each resend. */
  #startAsking(data: Uint8Array): Set<ReturnType<typeof setTimeout>> {
    const { retries = DEFAULT_RETRIES, random = Math.random } = this.#parts.options;
    const waits = resendWaits(random);
    const timers = new Set<ReturnType<typeof setTimeout>>();
    timers.add(setTimeout(() => this.#answer.reject(this.#timedOut()), this.#timeoutMs));
    const send = () => {
      if (this.#asked < retries) timers.add(setTimeout(send, waits.next().value));
      this.#guard(() => this.#send(data));
    };
    this.#askedAt = performance.now();
    this.#guard(() => {
      const addr = this.#socket.addr as Deno.NetAddr;
      this.#parts.tell({ kind: "assigned", question: this.#parts.number, addr });
      send();
    });
    return timers;
  }

  #send(data: Uint8Array): void {
    this.#asked += 1;
    this.#parts.tell({ kind: "asked", question: this.#parts.number, times: this.#asked });
    sendFrom(this.#socket, data, this.#parts.server).catch((error: Failure) => {
      // A refusal concerns an earlier datagram. The server may still start before the deadline.
      if (isRefusal(error.cause)) this.#guard(() => this.#failed(error.cause));
      else this.#answer.reject(error);
    });
  }

  #datagram(data: Uint8Array, from: Deno.NetAddr): void {
    const kind = this.#question.judge(from);
    const afterMs = performance.now() - this.#askedAt;
    this.#parts.tell({ kind, question: this.#parts.number, from, data, afterMs });
    if (kind !== "answer") return;
    const copy = data.slice();
    const text = new TextDecoder().decode(copy);
    this.#answer.resolve({ from, data: copy, text, asked: this.#asked, afterMs });
  }

  #failed(error: unknown): void {
    if (!isRefusal(error)) {
      throw toFailure(error, `cannot receive from ${hostPort(this.#parts.server)}`);
    }
    if (this.#refused) return;
    this.#refused = true;
    this.#parts.tell({ kind: "refused", question: this.#parts.number });
  }

  /** Runs code, which may call the listener. An error rejects the answer, if it is still pending. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#answer.reject(error);
    }
  }

  #timedOut(): Failure {
    const times = this.#asked === 1 ? "once" : `${this.#asked} times`;
    return new Failure({
      what: `asked ${hostPort(this.#parts.server)} ${times} in ${this.#timeoutMs} ms`,
      why: "the server did not answer",
      code: "ETIMEDOUT",
      hint: this.#refused
        ? "the system says that nothing listens there: check the port"
        : "check the address, and that the server is running",
    });
  }
}

/**
 * What a datagram means to a question:
 *
 * - `answer`: it is accepted as the reply
 * - `forged`: it comes from another address or port than was asked, and is not accepted
 * - `duplicate`: its sender has already answered
 * - `late`: the question was given up, or another sender's reply was accepted, before it arrived
 */
export type Verdict = "answer" | "forged" | "duplicate" | "late";

/** Decides what each datagram means to a question. */
export class Question {
  readonly #server: Deno.NetAddr;
  readonly #promiscuous: boolean;
  #answeredBy: Deno.NetAddr | undefined;
  #givenUp = false;

  /** Starts without an answer. If `promiscuous` is true, any sender may answer, and otherwise only `server`. */
  constructor(server: Deno.NetAddr, promiscuous: boolean) {
    this.#server = server;
    this.#promiscuous = promiscuous;
  }

  /** Stops waiting. Later datagrams are `late`. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** Judges a datagram by its sender. Call it in the order of arrival. */
  judge(from: Deno.NetAddr): Verdict {
    if (!this.#promiscuous && !sameAddress(from, this.#server)) return "forged";
    if (this.#answeredBy !== undefined) {
      return sameAddress(from, this.#answeredBy) ? "duplicate" : "late";
    }
    if (this.#givenUp) return "late";
    this.#answeredBy = from;
    return "answer";
  }
}

/** The first wait before a resend, and the longest one, in milliseconds. */
const [FIRST_MS, LONGEST_MS] = [100, 2_000];

/**
 * Yields the time to wait before each resend, in milliseconds, without end: 100 ms, doubled each time up to 2 s
 * (exponential backoff). Each wait is shortened at random by up to half (jitter), so that clients that lost datagrams
 * at the same time do not resend at the same time.
 *
 * @param random Returns numbers from 0 to 1, as `Math.random` does.
 */
export function* resendWaits(random: () => number): Generator<number, never> {
  for (let wait = FIRST_MS;; wait = Math.min(LONGEST_MS, wait * 2)) {
    yield wait * (1 - random() / 2);
  }
}
