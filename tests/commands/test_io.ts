/**
 * Standard streams in memory, for tests of commands: those of the tour, with a terminal and signals if asked.
 *
 * @module
 */

import { parseCommandLine } from "../../lib/cli/run.ts";
import type { Input } from "../../lib/cli/spec.ts";
import { loadCommand } from "../../lib/commands/load.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import type { Io, OutputStream } from "../../lib/os/io.ts";
import { MemoryIo } from "../../lib/tour/console.ts";

/** The kind of streams. */
export interface TestIoOptions {
  /** The columns of the terminal that the outputs are; no terminal without. */
  readonly columns?: number;
  /** Whether the input is a terminal. */
  readonly keyboard?: boolean;
}

/** Streams that a test types into and reads from. */
export class TestIo implements Io {
  readonly input: Io["input"];
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly #memory: MemoryIo;
  readonly #texts = { output: "", errors: "" };
  readonly #handlers = new Map<Deno.Signal, Set<() => void>>();
  #changed = Promise.withResolvers<void>();

  constructor({ columns, keyboard = false }: TestIoOptions = {}) {
    this.#memory = new MemoryIo({
      columns,
      printed: (text, to) => {
        this.#texts[to] += text;
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      },
    });
    const { input, output, errors } = this.#memory;
    const terminal = columns === undefined
      ? {}
      : { isTerminal: true, size: { columns, rows: 24 }, columns };
    this.output = { ...output, ...terminal };
    this.errors = { ...errors, ...terminal };
    const noKeys = { setRaw: () => {}, read: () => Promise.resolve(null) };
    this.input = { ...input, keyboard: keyboard ? noKeys : undefined };
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#memory.type(text);
  }

  /** Ends the input. */
  async endInput(): Promise<void> {
    await this.#memory.endInput();
  }

  /** The text on standard output. */
  get out(): string {
    return this.#texts.output;
  }

  /** The text on standard error. */
  get err(): string {
    return this.#texts.errors;
  }

  /** The events on standard output. */
  get events(): Record<string, unknown>[] {
    return this.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  }

  /** Waits until an output matches. */
  async until(where: "out" | "err", pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this[where]);
      if (found !== null) return found;
      await this.#changed.promise;
    }
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    for (const handler of this.#handlers.get(name) ?? []) handler();
  }

  onSignal(signal: Deno.Signal, handler: () => void): Disposable {
    const handlers = this.#handlers.get(signal) ?? new Set();
    this.#handlers.set(signal, handlers.add(handler));
    return { [Symbol.dispose]: () => void handlers.delete(handler) };
  }
}

/** Runs a command of the table on streams in memory. */
export async function start(
  io: TestIo,
  ...args: readonly string[]
): Promise<{ code: Promise<number> }> {
  const { path, options, operands } = await parseCommandLine(PARLEY, args);
  const run = await loadCommand(path.slice(1).map(({ name }) => name));
  const input = { options, operands, grants: undefined, release: () => {} };
  const code = run(input as unknown as Input<never>, io);
  code.catch(() => {}); // the test that awaits it gets the error
  return { code };
}
