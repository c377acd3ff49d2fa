/**
 * A question of an echo client, with a port of its own.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { hostPort, sameAddress } from "../base/host_port.ts";
import { toFailure } from "../os/errors.ts";
import { isRefusal, openSender, sendFrom } from "./datagram_socket.ts";
import { Receiver } from "./receiver.ts";

/** What an echo client meets. `question` counts from 1. */
export type EchoClientEvent =
  /** The system gave the question a port. */
  | { readonly kind: "assigned"; readonly question: number; readonly addr: Deno.NetAddr }
  /** The question was sent: for the first time, or again. */
  | { readonly kind: "asked"; readonly question: number; readonly times: number }
  /** A datagram came to the question's port. Its bytes are good until the listener returns. */
  | {
    readonly kind: Verdict;
    readonly question: number;
    readonly from: Deno.NetAddr;
    readonly data: Uint8Array;
    /** Milliseconds since the question was sent for the first time. */
    readonly afterMs: number;
  }
  /** The system says that nothing listens there; the client waits on. Never on Linux. */
  | { readonly kind: "refused"; readonly question: number };

/** Whom an echo client asks, and how patiently. */
export interface EchoClientOptions {
  /** The server's name or address; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The server's port; 1060 by default. */
  readonly port?: number;
  /** Whether the first datagram from anyone is taken as the reply; false by default. */
  readonly promiscuous?: boolean;
  /** How long to wait for an answer to a question, resends and all, in milliseconds; 5,000 by default. */
  readonly timeoutMs?: number;
  /** How often a question is sent again at most; 5 by default. */
  readonly retries?: number;
  /** Hears of everything. */
  readonly event?: (event: EchoClientEvent) => void;
  /** Stops whatever is under way when it is aborted. */
  readonly signal?: AbortSignal;
  /** Numbers from 0 to 1, for the jitter of resending; `Math.random` by default. */
  readonly random?: () => number;
}

/** The reply to a question. */
export interface Answer {
  /** Who sent it. */
  readonly from: Deno.NetAddr;
  /** Its bytes. */
  readonly data: Uint8Array;
  /** Its bytes as UTF-8; what is none became U+FFFD. */
  readonly text: string;
  /** How often the question was sent until then. */
  readonly asked: number;
  /** Milliseconds since it was sent for the first time. */
  readonly afterMs: number;
}

/** What a question is made of. */
interface Parts {
  readonly server: Deno.NetAddr;
  /** Which question it is, from 1. */
  readonly number: number;
  readonly options: EchoClientOptions;
  readonly tell: (event: EchoClientEvent) => void;
}

/** Asks once, and again; takes the answer; stays open a while for what comes late. */
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

  /** Opens the port. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timeoutMs = parts.options.timeoutMs ?? 5_000;
    this.#question = new Question(parts.server, parts.options.promiscuous ?? false);
    this.#socket = openSender(parts.server);
    this.#receiver = new Receiver(this.#socket, {
      datagram: (data, from) => this.#guard(() => this.#datagram(data, from)),
      failed: (error) => this.#guard(() => this.#failed(error)),
    }, 1);
  }

  /** Fulfilled when the port is closed. */
  get finished(): Promise<void> {
    return this.#receiver.finished;
  }

  /** Whether it was answered or given up. */
  get over(): boolean {
    return this.#over;
  }

  /** Asks until there is an answer, or the time is up. */
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

  /** The timers: of the deadline, and of each resending. */
  #startAsking(data: Uint8Array): Set<ReturnType<typeof setTimeout>> {
    const { retries = 5, random = Math.random } = this.#parts.options;
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
      // A refusal is of the datagram before this one: the server may come up before the time is up.
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

  /** What fails here, the listener included, fails the question, where that is not over. */
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
        : "check the address, and that the server is running: parley udp server",
    });
  }
}

/**
 * What a datagram is to a question:
 *
 * - `answer`: it is taken as the reply
 * - `forged`: it comes from another address or port than was asked, and is not taken
 * - `duplicate`: its sender has answered already
 * - `late`: the question was given up, or somebody else was believed, before it came
 */
export type Verdict = "answer" | "forged" | "duplicate" | "late";

/** A question that has been sent to a server. */
export class Question {
  readonly #server: Deno.NetAddr;
  readonly #promiscuous: boolean;
  #answeredBy: Deno.NetAddr | undefined;
  #givenUp = false;

  /**
   * @param server Who is asked.
   * @param promiscuous Whether anybody may answer.
   */
  constructor(server: Deno.NetAddr, promiscuous: boolean) {
    this.#server = server;
    this.#promiscuous = promiscuous;
  }

  /** Waits no longer: what comes from now on is late. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** Judges a datagram by its sender, in the order in which they come. */
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

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * How long to wait for a reply before each resending, in milliseconds, without end: 100 ms doubling to 2 s
 * (exponential backoff), each shortened at random by up to a half (jitter), so that clients which lost
 * their datagrams together do not send them together again.
 *
 * @param random Numbers from 0 to 1, as `Math.random`.
 */
export function* resendWaits(random: () => number): Generator<number, never> {
  for (let wait = FIRST_MS;; wait = Math.min(LONGEST_MS, wait * 2)) {
    yield wait * (1 - random() / 2);
  }
}
