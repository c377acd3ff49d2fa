/**
 * Sets up a conversation's input and output: a terminal screen or standard streams, for people or
 * for programs.
 *
 * @module
 */

import { type Io, StopSignals } from "../../os/io.ts";
import { type Input, Output, readLines } from "../../os/streams.ts";
import type { Screen } from "../../terminal/screen.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type { Tap } from "../link.ts";
import type { Trust } from "../trust/trust.ts";
import { MAX_TEXT_BYTES } from "../wire/content.ts";
import { Conversation } from "./chat_loop.ts";
import { Report } from "./json_report.ts";
import type { Display, Presenter } from "./presenter.ts";
import { Transcript } from "./transcript.ts";
import { WireReader } from "./wire_dump.ts";

/** Options of {@linkcode setUpConversation}. */
export interface SetupOptions {
  readonly io: Io;
  readonly json: boolean;
  /** Whether piped input may contain slash commands; JSON input and typed lines always may. */
  readonly commands: boolean;
  readonly wire: boolean;
  /** Whether to stay in the room when piped input ends. */
  readonly stay: boolean;
  readonly giveUpMs: number;
  /** The prompt of a terminal's input line. */
  readonly prompt: string;
  readonly trust: Trust;
  /** The name of the room; undefined for a relay without a member. */
  readonly roomName?: string;
  /** Whether the member's identity outlasts this run. */
  readonly lasting: boolean;
  /** Reloads a server's allow list. */
  readonly reload?: (() => Promise<void>) | undefined;
  /** The input lines; without them, the terminal or standard input is read. */
  readonly input?: AsyncIterable<Input>;
  /** Lines typed at the terminal before. */
  readonly early?: readonly Input[];
}

/** A conversation with its input and output, ready to run. */
export interface ConversationSetup extends AsyncDisposable {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly conversation: Conversation;
  /** Whether a person types at a terminal. */
  readonly atTerminal: boolean;
  /** Resolves with an exit code when the process receives a stop signal. */
  readonly stopped: Promise<number>;
  /** Shows the frames on the wire, if that is wanted. */
  readonly tap: { readonly tap?: () => Tap };
}

/**
 * Sets up a conversation at a terminal or on standard streams.
 *
 * @param options The options.
 * @param displayed Called with the number of events that have been shown.
 */
export async function setUpConversation(
  options: SetupOptions,
  displayed: (events: number) => void,
): Promise<ConversationSetup> {
  const { io, trust, lasting, reload } = options;
  const { input, output } = io;
  const atTerminal = !options.json && input.keyboard !== undefined && output.isTerminal;
  // A terminal without escape sequences edits and echoes the line itself.
  const screen = atTerminal && options.input === undefined && !output.dumb
    ? (await import("../../terminal/screen.ts")).openScreen(io, { prompt: options.prompt })
    : undefined;
  const typed = atTerminal && (options.input === undefined || output.dumb);
  const display = screen === undefined
    ? new Output(output, displayed)
    : new ScreenDisplay(screen, displayed);
  const presenter = options.json ? new Report(trust, options.roomName) : new Transcript({
    style: makeStyle(output.coloured),
    echo: screen !== undefined,
    folds: output.isTerminal,
    who: trust,
    lasting,
    roomName: options.roomName ?? "",
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
 * Reports whether a terminal can hang up. If not, SIGHUP keeps its default, so that `nohup` works.
 */
function hasTerminal({ input, output, errors }: Io): boolean {
  return input.keyboard !== undefined || output.isTerminal || errors.isTerminal;
}

/**
 * Reads input without a screen. The end of typed input leaves the chat; the end of piped input may
 * not.
 */
async function* inputOf({ io, input }: SetupOptions, typed: boolean): AsyncGenerator<Input, void> {
  yield* input ?? standardInput(io);
  if (typed) yield { kind: "end" };
}

/** Yields the early lines and then the others. */
async function* behind(
  early: readonly Input[],
  entered: AsyncIterable<Input>,
): AsyncGenerator<Input, void> {
  yield* early;
  yield* entered;
}

/** Returns the lines of standard input. */
export function standardInput({ input }: Io): AsyncIterable<Input> {
  return readLines(input.chunks(), MAX_TEXT_BYTES);
}

/** Returns a tap that shows the frames of one connection. */
export function wireTap(
  presenter: Presenter,
  display: Display,
  greeter: "sent" | "received" = "sent",
): Tap {
  const reader = new WireReader((frame) => display.print(presenter.wire(frame)), greeter);
  return (direction, bytes) => reader.see(direction, bytes);
}

/** A display on a terminal screen. */
class ScreenDisplay implements Display {
  /** Never resolves: the screen reports a terminal that has hung up as the end of input. */
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
    // Report in the next turn: the screen writes the lines at the end of this one.
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
