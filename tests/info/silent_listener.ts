/**
 * A TCP port that does not answer: its backlog is full, so that the kernel drops what knocks (listen(2)).
 *
 * @module
 */

/** The port. */
export class SilentListener implements AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #held: Deno.Conn[] = [];
  #accepting: Promise<void> = Promise.resolve();

  private constructor(hostname: string, port: number) {
    this.#listener = Deno.listen({ hostname, port, tcpBacklog: 1 });
    this.hostname = hostname;
    this.port = this.#listener.addr.port;
  }

  /** Opens a port, and connects to it until it answers no longer. */
  static async open(hostname: string, port = 0): Promise<SilentListener> {
    const silent = new SilentListener(hostname, port);
    // Until the backlog is full. On a busy machine one time limit may pass before a connection is tried.
    for (let refused = 0; refused < 2;) refused = await silent.#takesOneMore() ? 0 : refused + 1;
    return silent;
  }

  async #takesOneMore(): Promise<boolean> {
    const signal = AbortSignal.timeout(200);
    try {
      this.#held.push(await Deno.connect({ hostname: this.hostname, port: this.port, signal }));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  /** Answers from now on. */
  answer(): void {
    this.#accepting = this.#acceptAll();
  }

  async #acceptAll(): Promise<void> {
    for await (const connection of this.#listener) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#held) connection.close();
    this.#listener.close();
    await this.#accepting;
  }
}
