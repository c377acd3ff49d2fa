/**
 * Where a conversation takes place: a terminal, or standard input and output; for people, or for programs.
 *
 * @module
 */

import { MAX_TEXT_BYTES } from "../chat/envelope.ts";
import type { Screen } from "../chat/screen.ts";
import { COLOURED, makeStyle } from "../chat/style.ts";
import type { Tap } from "../tcp_chat.ts";
import { StopSignals } from "../stop_signals.ts";
import type { Trust } from "../trust/trust.ts";
import { Conversation } from "./conversation.ts";
import type { Display } from "./display.ts";
import { type Input, readLines } from "./lines.ts";
import { Output } from "./output.ts";
import type { Presenter } from "./presenter.ts";
import { Report } from "./report.ts";
import { Transcript } from "./transcript.ts";
import { WireReader } from "./wire_dump.ts";

/** How a conversation is set up. */
export interface StageOptions {
  readonly json: boolean;
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
 * Sets up a conversation at this process's terminal, or at its standard input and output.
 *
 * @param options For whom.
 * @param displayed Hears how many events have been shown.
 */
export async function setStage(
  options: StageOptions,
  displayed: (events: number) => void,
): Promise<Stage> {
  const { trust, lasting, reload } = options;
  const atTerminal = !options.json && Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const screen = atTerminal && options.input === undefined
    ? (await import("../chat/screen.ts")).openScreen({ prompt: options.prompt })
    : undefined;
  const display = screen === undefined
    ? new Output(Deno.stdout, displayed)
    : new ScreenDisplay(screen, displayed);
  const presenter = options.json ? new Report(trust) : new Transcript({
    style: makeStyle(COLOURED),
    echo: screen !== undefined,
    who: trust,
    lasting,
  });
  const signals = new StopSignals({
    hangup: screen === undefined && reload === undefined && hasTerminal(),
  });
  const conversation = new Conversation({
    presenter,
    display,
    trust,
    reload,
    input: screen === undefined
      ? options.input ?? standardInput()
      : behind(options.early ?? [], screen.entered),
    interactive: screen !== undefined,
    stay: options.stay,
    giveUpMs: options.giveUpMs,
    stopped: signals.stopped,
    insisted: signals.insisted,
  });
  return {
    presenter,
    display,
    conversation,
    atTerminal: screen !== undefined,
    stopped: signals.stopped,
    tap: options.wire ? { tap: () => wireTap(presenter, display) } : {},
    [Symbol.asyncDispose]: async () => {
      const shown = Promise.all([display.caughtUp(), screen?.drawn()]);
      await Promise.race([shown, signals.insisted]);
      signals[Symbol.dispose]();
      screen?.close();
    },
  };
}

/**
 * Whether there is a window that can be closed. Where there is none, SIGHUP is left alone: `nohup` has it ignored.
 */
function hasTerminal(): boolean {
  return [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
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
export function standardInput(): AsyncIterable<Input> {
  return readLines(Deno.stdin.readable, MAX_TEXT_BYTES);
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
