/**
 * Commands of the table, run in this process, each as if at a console of its own: with an input that is
 * typed for it, an output that is shown and kept, and an interrupt key.
 *
 * What is run is what `main.ts` runs, with the same arguments; only where it reads and prints is replaced, for
 * as long as the console is open, and only for what it runs.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { runCommandLine } from "../cli.ts";
import type { CommandSpec, PermissionName } from "../cli/spec.ts";

/** How a command is run. */
export interface JobOptions {
  /** What stands before each line that it prints; nothing without. */
  readonly label?: string;
  /** Whether what it prints is shown; it is by default. */
  readonly shown?: boolean;
}

/** A console. */
export class Console implements Disposable {
  readonly #root: CommandSpec;
  readonly #jobs = new AsyncLocalStorage<Job>();
  readonly #restore: (() => void)[] = [];
  readonly #show: (text: string) => void;

  /**
   * Opens a console. There can be one at a time.
   *
   * @param root The table's root.
   * @param kept The permissions of this process: a command cannot give up more than the next one needs.
   */
  constructor(root: CommandSpec, kept: readonly PermissionName[]) {
    this.#root = keeping(root, kept);
    const { stdin, stdout, stderr } = Deno;
    this.#show = (text) => writeWhole(stdout, text);
    const job = () => this.#jobs.getStore();
    this.#replace(Deno, "stdin", routed(stdin, () => job()?.stdin));
    this.#replace(Deno, "stdout", routed(stdout, () => job()?.output));
    this.#replace(Deno, "stderr", routed(stderr, () => job()?.output));
    const listen = Deno.addSignalListener;
    const forget = Deno.removeSignalListener;
    this.#replace(Deno, "addSignalListener", (signal: Deno.Signal, handler: () => void) => {
      const at = job();
      if (at === undefined) listen(signal, handler);
      else if (signal === "SIGINT") at.listen(handler);
    });
    this.#replace(Deno, "removeSignalListener", (signal: Deno.Signal, handler: () => void) => {
      const at = job();
      if (at === undefined) forget(signal, handler);
      else at.forget(handler);
    });
  }

  /**
   * Starts a command.
   *
   * @param args Its arguments, without the program's name.
   */
  start(args: readonly string[], options: JobOptions = {}): Job {
    const job = new Job(options.shown === false ? () => {} : this.#show, options.label ?? "");
    job.ended = this.#jobs.run(job, async () => {
      const code = await runCommandLine(this.#root, args);
      job.finish();
      return code;
    });
    return job;
  }

  #replace<T extends object, K extends keyof T>(object: T, key: K, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(object, key)!;
    Object.defineProperty(object, key, { ...before, value });
    this.#restore.push(() => Object.defineProperty(object, key, before));
  }

  /** Gives this process its own input and output back. */
  [Symbol.dispose](): void {
    for (const restore of this.#restore.splice(0)) restore();
  }
}

/** A command that was started. */
export class Job {
  /** All that it has printed, on either output. */
  said = "";
  /** The exit code, once it has ended. */
  ended: Promise<number> = Promise.resolve(1);
  /** @internal */
  readonly stdin: Partial<typeof Deno.stdin>;
  /** @internal */
  readonly output: Partial<typeof Deno.stdout>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #interrupts = new Set<() => void>();
  #interrupted = false;
  #changed = Promise.withResolvers<void>();
  #over = false;

  /** @internal */
  constructor(show: (text: string) => void, label: string) {
    const pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    this.#input = pipe.writable.getWriter();
    this.stdin = { readable: pipe.readable, isTerminal: () => false };
    const decoder = new TextDecoder();
    let lineStart = true;
    const writeSync = (bytes: Uint8Array) => {
      const text = decoder.decode(bytes, { stream: true });
      this.said += text;
      if (label === "") show(text);
      else {
        show((lineStart ? label : "") + text.replace(/\n(?!$)/g, `\n${label}`));
        lineStart = text.endsWith("\n");
      }
      this.#notify();
      return bytes.length;
    };
    this.output = { writeSync, write: (bytes) => Promise.resolve(writeSync(bytes)) };
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** @internal */
  finish(): void {
    this.#over = true;
    this.#notify();
  }

  /**
   * Waits until it has printed something.
   *
   * @param pattern What it must print.
   * @param signal Ends the waiting.
   * @throws {Error} Where it ends without it.
   */
  async until(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort);
    aborted.promise.catch(() => {});
    try {
      for (;;) {
        signal.throwIfAborted();
        const match = pattern.exec(this.said);
        if (match !== null) return match;
        if (this.#over) throw new Error(`it ended without printing ${pattern}`);
        await Promise.race([this.#changed.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Types text for it. */
  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** Presses Ctrl-C. Where the command does not listen yet, it hears of it once it does. */
  interrupt(): void {
    this.#interrupted = this.#interrupts.size === 0;
    for (const handler of [...this.#interrupts]) handler();
  }

  /** @internal */
  listen(handler: () => void): void {
    this.#interrupts.add(handler);
    if (this.#interrupted) queueMicrotask(() => this.interrupt());
  }

  /** @internal */
  forget(handler: () => void): void {
    this.#interrupts.delete(handler);
  }
}

/** The table, with the permissions of this process in place of those of each command. */
function keeping(command: CommandSpec, kept: readonly PermissionName[]): CommandSpec {
  return {
    ...command,
    permissions: kept,
    ...(command.commands === undefined
      ? {}
      : { commands: command.commands.map((inner) => keeping(inner, kept)) }),
  };
}

/** An object whose properties are those of another one while there is one. */
function routed<T extends object>(own: T, other: () => Partial<T> | undefined): T {
  return new Proxy(own, {
    get(target, key) {
      const replaced = other();
      const from = replaced !== undefined && key in replaced ? replaced : target;
      const value: unknown = Reflect.get(from, key);
      return typeof value === "function" ? value.bind(from) : value;
    },
  });
}

function writeWhole(to: typeof Deno.stdout, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}
