/**
 * tmux in control mode (tmux(1), CONTROL MODE): one client for all commands of a test, which also tells when something
 * in the pane has changed. A client for each command would cost some milliseconds of processor time, forty times a
 * second, while a test waits.
 *
 * @module
 */

import { PipedProcess } from "../fixtures/piped_process.ts";

interface Reply {
  readonly lines: string[];
  readonly resolve: (output: string) => void;
  readonly reject: (error: Error) => void;
  /** How many commands have not been answered. */
  left: number;
}

/** A client in control mode, and the tmux server that ends with it. */
export class ControlClient extends PipedProcess {
  protected override readonly reading: Promise<void>;
  readonly #replies: Reply[] = [];
  #changed = Promise.withResolvers<void>();
  /** Fulfilled once it has a session: without one, tmux does not know whom a command is for. */
  readonly #attached = Promise.withResolvers<void>();
  #isReply = false;
  #isOver = false;

  /** Starts tmux with arguments, the last of which begin a session. */
  constructor(args: readonly string[]) {
    super(
      new Deno.Command("tmux", {
        args: ["-C", ...args],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }),
    );
    this.reading = this.#read();
  }

  /** Fulfilled at the next change in the pane, or once tmux has ended. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /**
   * Runs commands. An argument `;` stands between two of them.
   *
   * @returns What they print.
   * @throws {Error} With what tmux says, if one of them fails.
   */
  async run(args: readonly string[]): Promise<string> {
    await this.#attached.promise;
    if (this.#isOver) throw new Error(`tmux has ended before ${args.join(" ")}`);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const left = args.filter((arg) => arg === ";").length + 1;
    this.#replies.push({ lines: [], resolve, reject, left });
    await this.type(`${args.map(word).join(" ")}\n`);
    return await promise;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
    this.#isOver = true;
    this.#attached.resolve();
    this.#notify();
    for (const { reject } of this.#replies.splice(0)) reject(new Error("tmux has ended"));
  }

  #take(line: string): void {
    const [, kind, isOwn] = /^%(begin|end|error) \d+ \d+ (\d)$/.exec(line) ?? [];
    // The command that has begun the session is not of this client's input.
    if (kind !== undefined && isOwn === "1") return this.#border(kind);
    if (this.#isReply) this.#replies[0]?.lines.push(line);
    else if (line.startsWith("%session-changed ")) this.#attached.resolve();
    else if (line.startsWith("%")) this.#notify();
  }

  #border(kind: string): void {
    this.#isReply = kind === "begin";
    const reply = this.#replies[0];
    if (kind === "begin" || reply === undefined) return;
    if (kind === "end" && --reply.left > 0) return;
    this.#replies.shift();
    const output = reply.lines.map((each) => `${each}\n`).join("");
    if (kind === "end") reply.resolve(output);
    else reply.reject(new Error(`tmux: ${output}`));
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

// deno-lint-ignore no-control-regex -- they would end a command
const CONTROLS = /[\x00-\x1f\x7f]/g;

/** A word of tmux's command language for an argument. */
function word(arg: string): string {
  if (arg === ";") return arg;
  const octal = (char: string) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return `"${arg.replaceAll(/[\\"$]/g, "\\$&").replaceAll(CONTROLS, octal)}"`;
}
