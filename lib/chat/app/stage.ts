/**
 * Where a conversation takes place: a terminal, or standard input and output; for people, or for programs.
 *
 * @module
 */

import { type Io, StopSignals } from "../../os/io.ts";
import { type Input, Output, readLines } from "../../os/streams.ts";
import type { Screen } from "../../terminal/screen.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type { Tap } from "../link.ts";
import type { Trust } from "../trust/trust.ts";
import { MAX_TEXT_BYTES } from "../wire/envelope.ts";
import { Conversation } from "./chat_loop.ts";
import { Report } from "./json_report.ts";
import type { Display, Presenter } from "./presenter.ts";
import { Transcript } from "./transcript.ts";
import { WireReader } from "./wire_dump.ts";

/** How a conversation is set up. */
export interface StageOptions {
  readonly io: Io;
  readonly json: boolean;
  /** Whether piped input has commands in it; what a program or a person enters has. */
  readonly commands: boolean;
  readonly wire: boolean;
  /** Whether to stay when piped input ends. */
  readonly stay: boolean;
  readonly giveUpMs: number;
  /** What stands before the input line of a terminal. */
  readonly prompt: string;
  readonly trust: Trust;
  /** Whether the member's identity lasts longer than this run. */
  readonly lasting: boolean;
  /** Reads a server's list again. */
  readonly reload?: (() => Promise<void>) | undefined;
  /** Lines that were read elsewhere; standard input, or the terminal, without. */
  readonly input?: AsyncIterable<Input>;
  /** What was entered at the terminal before this stage was set. */
  readonly early?: readonly Input[];
}

/** A stage, before anybody speaks. */
export interface Stage extends AsyncDisposable {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly conversation: Conversation;
  /** Whether a person sits at a terminal. */
  readonly atTerminal: boolean;
  /** Fulfilled with an exit code when the process is told to stop. */
  readonly stopped: Promise<number>;
  /** Looks at what travels, where that is wanted. */
  readonly tap: { readonly tap?: () => Tap };
}

/**
 * Sets up a conversation at a terminal, or at standard input and output.
 *
 * @param options For whom.
 * @param displayed Hears how many events have been shown.
 */
export async function setStage(
  options: StageOptions,
  displayed: (events: number) => void,
): Promise<Stage> {
  const { io, trust, lasting, reload } = options;
  const { input, output } = io;
  const atTerminal = !options.json && input.keyboard !== undefined && output.isTerminal;
  // A terminal that obeys no escape codes edits its line itself, and shows what was typed.
  const screen = atTerminal && options.input === undefined && !output.dumb
    ? (await import("../../terminal/screen.ts")).openScreen(io, { prompt: options.prompt })
    : undefined;
  const typed = atTerminal && (options.input === undefined || output.dumb);
  const display = screen === undefined
    ? new Output(output, displayed)
    : new ScreenDisplay(screen, displayed);
  const presenter = options.json ? new Report(trust) : new Transcript({
    style: makeStyle(output.coloured),
    echo: screen !== undefined,
    folds: output.isTerminal,
    who: trust,
    lasting,
  });
  const signals = new StopSignals(io, {
    hangup: screen === undefined && reload === undefined && hasTerminal(io),
  });
  const conversation = new Conversation({
    presenter,
    display,
    trust,
    reload,
    input: screen === undefined
      ? inputOf(options, typed)
      : behind(options.early ?? [], screen.entered),
    interactive: typed,
    messagesOnly: !typed && !options.json && !options.commands,
    stay: options.stay,
    giveUpMs: options.giveUpMs,
    stopped: signals.stopped,
    insisted: signals.insisted,
  });
  return {
    presenter,
    display,
    conversation,
    atTerminal: typed,
    stopped: signals.stopped,
    tap: options.wire ? { tap: () => wireTap(presenter, display) } : {},
    [Symbol.asyncDispose]: async () => {
      await Promise.race([display.caughtUp(), signals.insisted]);
      signals[Symbol.dispose]();
      screen?.close();
      await screen?.flushed();
    },
  };
}

/**
 * Whether there is a window that can be closed. Where there is none, SIGHUP is left alone: `nohup` has it ignored.
 */
function hasTerminal({ input, output, errors }: Io): boolean {
  return input.keyboard !== undefined || output.isTerminal || errors.isTerminal;
}

/** Input without a screen. A person who ends it leaves; what was piped in may end, and one stays. */
async function* inputOf({ io, input }: StageOptions, typed: boolean): AsyncGenerator<Input, void> {
  yield* input ?? standardInput(io);
  if (typed) yield { kind: "end" };
}

/** What was entered before, and then what is. */
async function* behind(
  early: readonly Input[],
  entered: AsyncIterable<Input>,
): AsyncGenerator<Input, void> {
  yield* early;
  yield* entered;
}

/** The lines of standard input. */
export function standardInput({ input }: Io): AsyncIterable<Input> {
  return readLines(input.chunks(), MAX_TEXT_BYTES);
}

/** Shows what travels over one connection. */
export function wireTap(
  presenter: Presenter,
  display: Display,
  greeter: "sent" | "received" = "sent",
): Tap {
  const reader = new WireReader((frame) => display.print(presenter.wire(frame)), greeter);
  return (direction, bytes) => reader.see(direction, bytes);
}

/** A terminal's screen as a display. */
class ScreenDisplay implements Display {
  /** Who sits at a terminal that has gone has left: that is entered. */
  readonly failed = new Promise<never>(() => {});
  readonly failure = undefined;
  readonly #screen: Screen;
  readonly #displayed: (events: number) => void;
  #mark = 0;
  #showing: Promise<void> | undefined;

  constructor(screen: Screen, displayed: (events: number) => void) {
    this.#screen = screen;
    this.#displayed = displayed;
  }

  print(lines: readonly string[], mark: number = this.#mark): void {
    if (lines.length > 0) this.#screen.print(lines.join("\n"));
    this.#mark = mark;
    // In the next turn: the screen writes what was printed in this one.
    this.#showing ??= new Promise((resolve) =>
      setTimeout(() => {
        this.#showing = undefined;
        this.#displayed(this.#mark);
        resolve();
      }, 0)
    );
  }

  caughtUp(): Promise<void> | undefined {
    return this.#showing;
  }
}
