/**
 * parley's chat as processes: a server or a client, what it says, and what is typed into it.
 *
 * @module
 */

import { command, ROOT } from "../../fixtures/parley.ts";
import { PipedProcess } from "../../fixtures/piped_process.ts";

/** One object of `--json`. */
export interface ChatEvent {
  readonly event: string;
  readonly at: string;
  readonly [field: string]: unknown;
}

/** A process of the chat whose output is read as lines. */
export class ChatProcess extends PipedProcess {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #events: ChatEvent[] = [];
  protected override readonly reading: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** Starts `parley chat` with arguments, or whatever a command with pipes becomes. */
  constructor(args: readonly string[] | Deno.Command, flags?: readonly string[]) {
    const start = args instanceof Deno.Command
      ? args
      : command(["chat", ...args], flags, { stdin: "piped" });
    super(start);
    this.reading = Promise.all([
      this.#read(this.child.stdout, this.lines),
      this.#read(this.child.stderr, this.errors),
    ]).then(() => {
      this.#ended = true;
      this.#notify();
    });
  }

  async #read(stream: ReadableStream<Uint8Array>, into: string[]): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      into.push(...lines);
      this.#notify();
    }
    if (rest !== "") into.push(rest);
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** What it has said so far, as objects. Each line is parsed once. */
  get events(): ChatEvent[] {
    const more = this.lines.slice(this.#events.length);
    this.#events.push(...more.map((line) => JSON.parse(line)));
    return [...this.#events];
  }

  /** The events of a kind. */
  all(event: string): ChatEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  /** Waits until what it has said fulfils a condition; fails with what it said after three minutes. */
  async until(condition: (process: this) => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(180_000);
    const lateness = new Promise<void>((resolve) => late.onabort = () => resolve());
    while (!condition(this)) {
      if (late.aborted || this.#ended) {
        const said = [...this.lines.slice(-20), ...this.errors].join("\n");
        throw new Error(`${this.#ended ? "it ended" : "waited in vain"} before ${what}:\n${said}`);
      }
      await Promise.race([this.#changed.promise, lateness]);
    }
    late.onabort = null;
  }

  /** Waits for an event of a kind, and gives the first. */
  async event(event: string): Promise<ChatEvent> {
    await this.until((one) => one.all(event).length > 0, event);
    return this.all(event)[0]!;
  }
}

/** A server that listens, and its port. */
export async function startServer(
  ...args: readonly string[]
): Promise<{ server: ChatProcess; address: string }> {
  const server = new ChatProcess(["server", "--port", "0", "--json", ...args]);
  const { port } = await server.event("listening");
  return { server, address: `127.0.0.1:${port}` };
}

/** A client that is in the room. */
export async function startClient(
  address: string,
  name: string,
  ...args: readonly string[]
): Promise<ChatProcess> {
  const client = new ChatProcess(["client", address, "--name", name, "--json", ...args]);
  await client.event("joined");
  return client;
}

/**
 * Starts a script of `sh` that becomes a process of the chat.
 *
 * @param script The script.
 * @param program The shell with its arguments before the script, or a command that starts one.
 */
export function chatThroughShell(
  script: string,
  program: readonly string[] = ["sh", "-c"],
): ChatProcess {
  const [name, ...args] = program;
  const options = { cwd: ROOT, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new ChatProcess(new Deno.Command(name!, { args: [...args, script], ...options }));
}
