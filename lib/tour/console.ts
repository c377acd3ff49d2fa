/**
 * Runs commands of the table in this process, each with standard streams in memory. Wraps their output behind a
 * margin.
 *
 * A console runs what `main.ts` runs, with the same arguments; only the {@linkcode Io} differs.
 *
 * @module
 */

import type { PermissionName } from "../cli/spec.ts";
import { runCommandLine } from "../cli/run.ts";
import type { CommandSpec, LoadCommand } from "../cli/spec.ts";
import type { InputStream, Io, OutputStream, Page } from "../os/io.ts";
import { unstyled } from "../terminal/terminal.ts";

/** Options of a job. */
export interface JobOptions {
  /** The text before each printed line; empty by default. It ends in a bar and a space. */
  readonly label?: string;
}

/** Shows the output of jobs. */
export interface Viewer extends Page {
  /** Shows text unchanged. */
  show(text: string): void;
}

/** Starts commands. */
export class Console {
  readonly #root: CommandSpec;
  readonly #load: LoadCommand;
  readonly #viewer: Viewer;

  /**
   * Creates a console.
   *
   * @param root The table's root.
   * @param load Loads the code of a command.
   * @param kept The permissions of this process. Commands drop none of them, because the next command needs them.
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

/** A running or ended command. */
export class Job {
  /** Resolves with the exit code. */
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

  /** Everything it printed on both outputs, without colours. */
  get said(): string {
    return this.#io.text;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /**
   * Waits until the output matches a pattern.
   *
   * @param pattern The pattern.
   * @param signal Aborts the wait.
   * @throws {Error} If the command ends without a match.
   */
  async until(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort);
    aborted.promise.catch(() => {});
    try {
      for (;;) {
        signal.throwIfAborted();
        // On a narrow screen a line may be broken at any space.
        const match = pattern.exec(this.said) ?? pattern.exec(this.said.replace(/\s+/g, " "));
        if (match !== null) return match;
        if (this.#over) throw new Error(`it ended without printing ${pattern}`);
        await Promise.race([this.#changed.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Types text into its input. */
  async type(text: string): Promise<void> {
    await this.#io.type(text);
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#io.endInput();
  }

  /** Presses Ctrl-C. A command that does not listen yet gets the signal when it does. */
  interrupt(): void {
    this.#io.interrupt();
  }
}

/** Shows output with a label, in whole lines, since other commands may print in between. */
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
    if (end > 0) this.#viewer.show(withMargin(this.#margin, lines, this.#viewer.columns));
  }

  end(): void {
    if (this.#begun !== "") this.print("\n");
  }
}

/** Returns the command table with this process's permissions in place of each command's own. */
function keeping(command: CommandSpec, kept: readonly PermissionName[]): CommandSpec {
  return {
    ...command,
    permissions: kept,
    ...(command.commands === undefined
      ? {}
      : { commands: command.commands.map((inner) => keeping(inner, kept)) }),
  };
}

/** Options of {@linkcode MemoryIo}. */
export interface MemoryIoOptions extends Partial<Page> {
  /**
   * Called with the text printed on either output, including its colours.
   *
   * @throws If the text cannot be shown. The command's write then fails with the same error.
   */
  readonly printed?: (text: string, to: "output" | "errors") => void;
}

/** Standard input to type into, outputs that are kept, and an interrupt key. None of them is a terminal. */
export class MemoryIo implements Io {
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly #typed: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #interrupts = new Set<() => void>();
  #interrupted = false;
  #text = "";

  /** Opens the streams. */
  constructor(options: MemoryIoOptions = {}) {
    const pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    this.#typed = pipe.writable.getWriter();
    this.input = { keyboard: undefined, chunks: () => pipe.readable };
    this.output = this.#opened("output", options);
    this.errors = this.#opened("errors", { ...options, columns: undefined, coloured: false });
  }

  /** Everything printed on both outputs, in order, without colours. */
  get text(): string {
    return unstyled(this.#text);
  }

  #opened(
    to: "output" | "errors",
    { columns, coloured = false, printed }: MemoryIoOptions,
  ): OutputStream {
    const decoder = new TextDecoder();
    const writeSync = (bytes: Uint8Array) => {
      const text = decoder.decode(bytes, { stream: true });
      this.#text += text;
      printed?.(text, to);
      return bytes.length;
    };
    return {
      isTerminal: false,
      size: undefined,
      columns,
      coloured,
      dumb: false,
      writeSync,
      write: (bytes) => Promise.try(writeSync, bytes),
    };
  }

  /** Types text into standard input. */
  async type(text: string): Promise<void> {
    await this.#typed.write(new TextEncoder().encode(text));
  }

  /** Ends standard input. */
  async endInput(): Promise<void> {
    await this.#typed.close();
  }

  /** Sends SIGINT, as Ctrl-C does. If there is no handler yet, the first one gets the signal when it is added. */
  interrupt(): void {
    this.#interrupted = this.#interrupts.size === 0;
    for (const handler of [...this.#interrupts]) handler();
  }

  /** Adds a handler. Signals other than SIGINT never occur. */
  onSignal(signal: Deno.Signal, handler: () => void): Disposable {
    if (signal === "SIGINT") {
      this.#interrupts.add(handler);
      if (this.#interrupted) queueMicrotask(() => this.interrupt());
    }
    return { [Symbol.dispose]: () => void this.#interrupts.delete(handler) };
  }
}

/** The least width to wrap at. On narrower terminals, the terminal breaks the lines. */
const LEAST_COLUMNS = 12;

/** The text at the left of each line. */
export interface Margin {
  readonly first: string;
  /** The text before each continuation of a wrapped line. */
  readonly next: string;
  /** Whether to break words that are longer than a line. If false, the terminal breaks them. */
  readonly breakWords: boolean;
}

/**
 * Puts a margin before each line, and wraps long lines at their spaces. A colour continues on the next line.
 *
 * @param margin The margin.
 * @param text Lines, which may have the colours of `terminal/terminal.ts`. The last one ends in a line feed or is
 * incomplete.
 * @param columns The width of the terminal; undefined to not wrap.
 */
export function withMargin(margin: Margin, text: string, columns: number | undefined): string {
  return text.split("\n").map((line, i, { length }) => {
    if (line === "" && i === length - 1) return "";
    return columns === undefined ? margin.first + line : lineBehind(margin, line, columns);
  }).join("\n");
}

function lineBehind({ first, next, breakWords }: Margin, line: string, columns: number): string {
  const text = line.trimStart();
  // Continuations keep the indentation of their line.
  const spaces = line.slice(0, line.length - text.length);
  const room = columns - Math.max(first.length, next.length) - spaces.length;
  if (room < LEAST_COLUMNS || unstyled(first + line).length <= columns) return first + line;
  return wrapped(text, room, breakWords)
    .map((part, i) => (i === 0 ? first : next) + spaces + part).join("\n");
}

/** Splits a line into parts that fit. */
function wrapped(line: string, room: number, breakWords: boolean): string[] {
  const parts: string[] = [];
  let colours = "";
  let part = "";
  let length = 0;
  for (const piece of pieces(line, breakWords ? room : Infinity)) {
    if (piece.startsWith("\x1b")) {
      colours += piece;
      part += piece;
    } else if (length === 0 || length + piece.length <= room) {
      part += piece;
      length += piece.length;
    } else {
      parts.push(part.trimEnd() + (colours === "" ? "" : "\x1b[0m"));
      part = colours + piece.trimStart();
      length = piece.trimStart().length;
    }
  }
  return [...parts, part.trimEnd()];
}

/** Splits a line into colours, and words with the spaces before them. A word that is too long is cut. */
function pieces(line: string, room: number): string[] {
  // deno-lint-ignore no-control-regex -- colours begin with ESC
  const words = line.match(/\x1b\[[\d;]+m| *[^ \x1b]+| +/g) ?? [];
  return words.flatMap((word) => {
    if (word.length <= room || word.startsWith("\x1b")) return [word];
    const text = word.trimStart();
    const cut = text.match(new RegExp(`.{1,${room}}`, "gu")) ?? [];
    return [" ".repeat(word.length - text.length) + (cut[0] ?? ""), ...cut.slice(1)];
  });
}

/**
 * Splits a command line over several lines. Each but the last ends in a backslash, so that a shell accepts them.
 *
 * @param line The command line.
 * @param room The available columns; undefined for no limit.
 */
export function shellLines(line: string, room: number | undefined): string[] {
  if (room === undefined || line.length <= room) return [line];
  const lines: string[] = [];
  for (const word of line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length > room - 2) lines.push(`  ${word}`);
    else lines[Math.max(0, lines.length - 1)] = longer;
  }
  return lines.map((each, i) => i === lines.length - 1 ? each : `${each} \\`);
}
