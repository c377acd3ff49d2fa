/**
 * Commands of the table, run in this process, each as if at a console of its own: with an input that is
 * typed for it, an output that is shown and kept, and an interrupt key.
 *
 * What is run is what `main.ts` runs, with the same arguments; only its {@linkcode Io} is another one.
 *
 * @module
 */

import { runCommandLine } from "../cli/run.ts";
import type { CommandSpec, LoadCommand, PermissionName } from "../cli/spec.ts";
import type { Page } from "../os/io.ts";
import { behind, type Margin } from "./margin.ts";
import { MemoryIo } from "./memory_io.ts";

/** How a command is run. */
export interface JobOptions {
  /** What stands before each line that it prints; nothing without. It ends in a bar and a space. */
  readonly label?: string;
}

/** Where it is shown what commands print. */
export interface Viewer extends Page {
  /** Shows text, as it is. */
  show(text: string): void;
}

/** A console. */
export class Console {
  readonly #root: CommandSpec;
  readonly #load: LoadCommand;
  readonly #viewer: Viewer;

  /**
   * Opens a console.
   *
   * @param root The table's root.
   * @param load Loads the code of a command.
   * @param kept The permissions of this process: a command cannot give up more than the next one needs.
   * @param viewer Sees what the commands print.
   */
  constructor(
    root: CommandSpec,
    load: LoadCommand,
    kept: readonly PermissionName[],
    viewer: Viewer,
  ) {
    this.#root = keeping(root, kept);
    this.#load = load;
    this.#viewer = viewer;
  }

  /**
   * Starts a command.
   *
   * @param args Its arguments, without the program's name.
   */
  start(args: readonly string[], { label = "" }: JobOptions = {}): Job {
    return new Job(
      this.#viewer,
      label,
      (io) => runCommandLine(this.#root, args, io, this.#load),
    );
  }
}

/** A command that was started. */
export class Job {
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>;
  readonly #io: MemoryIo;
  #changed = Promise.withResolvers<void>();
  #over = false;

  /** @internal */
  constructor(viewer: Viewer, label: string, run: (io: MemoryIo) => Promise<number>) {
    const shown = new LineByLine(viewer, label);
    this.#io = new MemoryIo({
      columns: viewer.columns === undefined ? undefined : viewer.columns - label.length,
      coloured: viewer.coloured,
      printed: (text) => {
        this.#notify();
        shown.print(text);
      },
    });
    this.ended = run(this.#io).then((code) => {
      shown.end();
      this.#over = true;
      this.#notify();
      return code;
    });
  }

  /** All that it has printed, on either output, without colours. */
  get said(): string {
    return this.#io.text;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
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
    await this.#io.type(text);
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#io.endInput();
  }

  /** Presses Ctrl-C. Where the command does not listen yet, it hears of it once it does. */
  interrupt(): void {
    this.#io.interrupt();
  }
}

/** Shows what is printed behind a label, a whole line at a time: other commands print in between. */
class LineByLine {
  readonly #viewer: Viewer;
  readonly #margin: Margin;
  #begun = "";

  constructor(viewer: Viewer, label: string) {
    this.#viewer = viewer;
    this.#margin = label === ""
      ? { first: "", next: "  ", breakWords: false }
      : { first: label, next: label.slice(-2).padStart(label.length), breakWords: true };
  }

  print(text: string): void {
    const end = text.lastIndexOf("\n") + 1;
    const lines = this.#begun + text.slice(0, end);
    this.#begun = end === 0 ? lines + text : text.slice(end);
    if (end > 0) this.#viewer.show(behind(this.#margin, lines, this.#viewer.columns));
  }

  end(): void {
    if (this.#begun !== "") this.print("\n");
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
