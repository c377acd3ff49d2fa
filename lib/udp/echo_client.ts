/**
 * The tutorial's echo client, and what it lacks: it checks who answers.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { DEFAULT_PORT } from "./address.ts";
import {
  type Answer,
  type EchoClientEvent,
  type EchoClientOptions,
  OpenQuestion,
} from "./open_question.ts";

/** So many ports of earlier questions stay open for what comes late. */
const MAX_LINGERING = 16;

/** What an echo client has seen so far. */
export interface EchoClientCounts {
  /** Questions. */
  readonly questions: number;
  /** Datagrams sent, resends and all. */
  readonly asked: number;
  /** Questions that were answered. */
  readonly answered: number;
  /** Datagrams that came from somebody else and were not taken. */
  readonly forged: number;
  /** Replies to a question that had been answered by the same sender. */
  readonly duplicates: number;
  /** Replies to a question that had been given up, or answered by somebody else. */
  readonly late: number;
}

/** An echo client. */
export interface EchoClient extends AsyncDisposable {
  /** Whom it asks. */
  readonly server: Deno.NetAddr;
  /** What it has seen so far. */
  readonly counts: EchoClientCounts;
  /**
   * Asks, and waits for the answer.
   *
   * @param data Text, which is sent as UTF-8, or bytes.
   * @throws {Failure} `ETIMEDOUT` where the server does not answer in time, `EMSGSIZE` where the data is too
   * large for a datagram.
   * @throws The signal's reason, where it is aborted.
   */
  ask(data: string | Uint8Array): Promise<Answer>;
  /** Closes every port; questions under way fail. */
  close(): Promise<void>;
}

/**
 * Makes an echo client.
 *
 * Each question is sent from a port of its own, which stays open for a while: so what comes late or twice is told
 * from the answer to the next question, though replies carry nothing to match them by.
 *
 * @param options Whom to ask, and how patiently.
 * @throws {Failure} Where there is no such host.
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
  const { hostname = "127.0.0.1", port = DEFAULT_PORT } = options;
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
      // A question that nobody answered may be answered yet; one that failed otherwise was not asked.
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
