/**
 * Sets up the conversations of one run: what they read, what presents them, and what shows them, at a terminal or on
 * standard streams.
 *
 * @module
 */

import { dayOf, secondOf } from "../../base/clock.ts";
import { shortened } from "../../base/printable.ts";
import { type Io, isGranted, StopSignals } from "../../os/io.ts";
import { type Input, Output, ReadAhead, readLines, shared } from "../../os/streams.ts";
import type { Screen } from "../../terminal/screen.ts";
import type { DirectoryEntry } from "../../terminal/suggestions.ts";
import { CANNOT_SUSPEND, makeStyle, unstyled } from "../../terminal/terminal.ts";
import type { Tap } from "../link.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import { Trust } from "../trust/trust.ts";
import { MAX_TEXT_BYTES } from "../wire/content.ts";
import { Conversation } from "./chat_loop.ts";
import type { ConversationOptions, Display, Presenter, ServerPresenter } from "./presenter.ts";
import {
  type ChatLog,
  hasScreen,
  isTyped,
  type LineHistory,
  type LineSource,
} from "./run_files.ts";
import { completeLine } from "./slash_commands.ts";
import type { TranscriptOptions } from "./transcript.ts";

/** Options of {@linkcode setUpConversation}. */
export interface SetupOptions
  extends
    LineSource,
    Pick<ConversationOptions, "trust" | "stay" | "giveUpMs" | "bell" | "rooms" | "reload"> {
  /** Whether piped input may contain slash commands; JSON input and typed lines always may. */
  readonly commands: boolean;
  readonly wire: boolean;
  /** On the wire, who greets: this side by default, or the other one, as at a relay. */
  readonly greeter?: "sent" | "received";
  /** Returns the names of the other members, for completion. */
  readonly names?: () => readonly string[];
  /** The history of the input line. */
  readonly lines?: LineHistory | undefined;
  /** What keeps what is shown. */
  readonly log?: ChatLog | undefined;
  /** Whether this process hosts a room. */
  readonly hosts?: boolean;
  /** Returns whom the user's messages wait for, if that person is not in the room. */
  readonly waitsFor?: () => string | undefined;
  /** The member's name, for the prompt of a terminal. */
  readonly name: string;
  /** The name of the room; undefined for a relay without a member. */
  readonly roomName?: string;
  /** Whether the member's identity outlasts this run. */
  readonly lasting: boolean;
  /** Lines typed at the terminal before. */
  readonly early?: readonly Input[];
  /** Whether the caller handles SIGHUP. By default, the end of the terminal ends the conversation as SIGTERM does. */
  readonly keepsAtHangup?: boolean;
}

/** What differs between the conversations of one run. */
export type OneRoom = Pick<
  ConversationOptions,
  "invitations" | "remove" | "hosted" | "carried" | "local"
>;

/** The input and output of the conversations of one run. */
export interface ConversationSetup extends AsyncDisposable {
  readonly presenter: ServerPresenter;
  readonly display: Display;
  /** Makes the conversation in the first room, or in the next one once that is over. */
  converse(room: OneRoom): Conversation;
  /** Whether a person types at a terminal. */
  readonly atTerminal: boolean;
  /** Resolves with an exit code when the process receives a stop signal. */
  readonly stopped: Promise<number>;
  /** Shows the frames on the wire, if that is wanted. */
  readonly tap: { readonly tap?: () => Tap };
  /** Prints what the network causes without a pace: see {@linkcode unpaced}. */
  readonly offer: (lines: readonly string[]) => void;
}

/**
 * Sets up the conversations of one run at a terminal or on standard streams.
 *
 * @param options The options.
 * @param displayed Called with the number of events that have been shown.
 */
export async function setUpConversation(
  options: SetupOptions,
  displayed: (events: number) => void,
): Promise<ConversationSetup> {
  const { io, trust, lasting, log, keepsAtHangup = false } = options;
  const { output } = io;
  const screen = hasScreen(options) ? await openChatScreen(options) : undefined;
  const typed = isTyped(options) && (options.input === undefined || output.dumb);
  const display = screen === undefined
    ? await openOutput(options, displayed)
    : new ScreenDisplay(screen, displayed, options, await import("../../terminal/rows.ts"));
  const wire = options.wire ? await import("./wire_dump.ts") : undefined;
  const presenter = await makePresenter(io, options.json, {
    echo: screen !== undefined,
    timed: output.isTerminal,
    gathers: output.isTerminal,
    grows: screen !== undefined,
    who: trust,
    lasting,
    ...wire && { dump: wire.dumpFrame },
    ...options.roomName === undefined ? {} : { roomName: options.roomName },
    ...options.waitsFor && { waitsFor: options.waitsFor },
    logFile: log?.path,
  });
  const shown = gathering(display, presenter, options);
  const offer = unpaced(shown, presenter);
  const signals = new StopSignals(io, {
    hangup: screen === undefined && !keepsAtHangup && hasTerminal(io),
  });
  const refusal = typed && screen === undefined
    ? refuseToSuspend(io, (why) => display.print(presenter.notice(why)))
    : undefined;
  const lines = screen === undefined
    ? inputOf(options, typed, signals.stopped)
    : behind(options.early ?? [], screen.entered);
  const input = typed ? new ReadAhead(lines) : shared(lines);
  const converse = (room: OneRoom) =>
    new Conversation({
      ...options,
      ...room,
      presenter,
      display: shown,
      input,
      interactive: typed,
      messagesOnly: !typed && !options.json && !options.commands,
      stopped: signals.stopped,
      insisted: signals.insisted,
    });
  return {
    presenter,
    display: shown,
    converse,
    atTerminal: typed,
    stopped: signals.stopped,
    tap: wire === undefined ? {} : { tap: () => wireTap(wire, presenter, offer, options.greeter) },
    offer,
    [Symbol.asyncDispose]: async () => {
      await Promise.race([display.caughtUp(), signals.insisted]);
      signals[Symbol.dispose]();
      refusal?.[Symbol.dispose]();
      screen?.close();
      await screen?.flushed();
    },
  };
}

/** Makes what tells people or programs of a conversation. Only the code of the one that is needed is loaded. */
async function makePresenter(
  { output }: Io,
  json: boolean,
  options: Omit<TranscriptOptions, "style" | "folds">,
): Promise<ServerPresenter> {
  if (json) return new (await import("./json_report.ts")).Report(options.who, options.roomName);
  const { ServerTranscript } = await import("./observe.ts");
  return new ServerTranscript({
    style: makeStyle(output.coloured),
    folds: output.isTerminal,
    ...options,
  });
}

/** Makes what tells of files before there is a conversation. */
export function makeEarlyPresenter(io: Io, json: boolean): Promise<Presenter> {
  return makePresenter(io, json, {
    echo: false,
    who: new Trust({ known: KnownPeers.parse("") }),
  });
}

/** Opens the input line of a chat, at the bottom of the terminal. */
async function openChatScreen(
  { io, name, names, hosts, rooms, lines }: SetupOptions,
): Promise<Screen> {
  const [{ openScreen }, { completePath }] = await Promise.all([
    import("../../terminal/screen.ts"),
    import("../../terminal/suggestions.ts"),
  ]);
  return openScreen(io, {
    prompt: busyPrompt(KEYS_TEXT, name),
    complete: (before) =>
      completeLine(before, names?.() ?? [], hosts === true ? "host" : "guest", {
        rooms: rooms?.others ?? [],
        paths: (begun) => completePath(begun, entriesOf),
      }),
    ...lines,
  });
}

/**
 * Opens the output of a conversation without a screen. On a terminal, the further rows of a line are
 * indented there as well, so that they cannot pass for a line of their own.
 */
async function openOutput(
  { io: { output }, json }: Pick<SetupOptions, "io" | "json">,
  displayed: (events: number) => void,
): Promise<Output> {
  if (json || !output.isTerminal) return new Output(output, displayed);
  const { wrapped } = await import("../../terminal/codec.ts");
  return new Output(output, displayed, (text) => wrapped(text, output.columns ?? Infinity));
}

/** Says at Ctrl-Z that this process cannot be suspended, if so. A screen does that itself. */
function refuseToSuspend(io: Io, tell: (why: string) => void): Disposable | undefined {
  if (CANNOT_SUSPEND === undefined || Deno.build.os === "windows") return undefined;
  return io.onSignal("SIGTSTP", () => tell(`Ctrl-Z ${CANNOT_SUSPEND}`));
}

/** Reports whether a terminal can hang up. If not, SIGHUP keeps its default action, so that `nohup` works. */
export function hasTerminal({ input, output, errors }: Io): boolean {
  return input.keyboard !== undefined || output.isTerminal || errors.isTerminal;
}

/**
 * Reads input without a screen. The end of typed input leaves the chat; the end of piped input may
 * not.
 */
function inputOf(
  { io, input }: SetupOptions,
  typed: boolean,
  stopped: Promise<number>,
): AsyncIterable<Input> {
  const lines = input ?? standardInput(io);
  return typed ? typedLines(lines, stopped) : lines;
}

/** Yields typed lines. A stop signal, such as Ctrl-C, is an interrupt, as a screen reports it. */
async function* typedLines(
  lines: AsyncIterable<Input>,
  stopped: Promise<number>,
): AsyncGenerator<Input, void> {
  const iterator = lines[Symbol.asyncIterator]();
  let isStopped = false;
  let wake = () => {};
  stopped.then(() => {
    isStopped = true;
    wake();
  });
  for (;;) {
    // Not Promise.race(): each line would leave a reaction with `stopped`, which lives as long as the chat.
    const next = await new Promise<Input>((resolve, reject) => {
      wake = () => resolve({ kind: "interrupt" });
      if (isStopped) wake();
      else iterator.next().then((read) => resolve(entered(read)), reject);
    });
    yield next;
    if (next.kind === "end" || next.kind === "interrupt") return;
  }
}

/** Returns what was read; the end of typed input leaves the chat. */
function entered(read: IteratorResult<Input, unknown>): Input {
  return read.done === true ? { kind: "end" } : read.value;
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
function wireTap(
  { WireReader }: typeof import("./wire_dump.ts"),
  presenter: Presenter,
  offer: ConversationSetup["offer"],
  greeter: SetupOptions["greeter"] = "sent",
): Tap {
  const reader = new WireReader((frame) => offer(presenter.wire(frame)), greeter);
  return (direction, bytes) => reader.see(direction, bytes);
}

/** The most unpaced output that may wait, in UTF-16 code units. */
const MAX_UNPACED = 4 << 20;

/**
 * Prints what the network causes and no receipt paces: frames on the wire, and events of a relay. What does not fit,
 * because the output is read too slowly, is left out, and the number of lines is told in its place.
 *
 * @param display Prints them.
 * @param presenter Says how many lines are left out.
 */
export function unpaced(
  display: Pick<Display, "print" | "caughtUp">,
  presenter: Pick<Presenter, "notice">,
): ConversationSetup["offer"] {
  let [waiting, leftOut] = [0, 0];
  const tellLeftOut = () => {
    if (leftOut === 0) return;
    const text = `the output is read too slowly; lines left out here: ${leftOut}`;
    leftOut = 0;
    display.print(presenter.notice(text));
  };
  const settle = async () => {
    for (let counted = waiting; waiting > 0; counted = waiting) {
      await display.caughtUp();
      waiting -= counted;
    }
    tellLeftOut();
  };
  return (lines) => {
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    if (waiting + length > MAX_UNPACED) {
      leftOut += lines.length;
      return;
    }
    tellLeftOut();
    display.print(lines);
    const isFirst = waiting === 0;
    waiting += length;
    if (isFirst && length > 0) void settle();
  };
}

/** What a chat does first. */
export const KEYS_TEXT = "generating keys";

/** Returns the prompt before the user is in the room. */
function busyPrompt(what: string, name: string): string {
  return `(${what} …) ${name}> `;
}

const NO_LINES: readonly string[] = [];

/**
 * Returns a display with two additions: it shows the line about comings and goings while that line
 * grows, and it appends what is printed to a log. In the log, text has the time; JSON is unchanged.
 */
function gathering(
  display: Display,
  presenter: Presenter,
  { log, json }: Pick<SetupOptions, "log" | "json">,
): Display {
  const { mark, busy, enters, notify, clear } = display;
  const keep = (line: string) => {
    const now = Date.now();
    log?.append(json ? line : `${dayOf(now)} ${secondOf(now)} ${unstyled(line)}`);
  };
  return {
    print: (lines, until, kept = lines) => {
      const ended = lines.length > 0 ? presenter.ended?.() ?? NO_LINES : NO_LINES;
      if (log?.path !== undefined) [...ended, ...kept].forEach(keep);
      display.print(ended.length > 0 ? [...ended, ...lines] : lines, until);
      display.above?.(presenter.growing ?? []);
    },
    ...mark && { mark: (one) => mark.call(display, one) },
    ...busy && { busy: (what) => busy.call(display, what) },
    ...enters && { enters: (roomName) => enters.call(display, roomName) },
    ...notify && { notify: (rings) => notify.call(display, rings) },
    ...clear && { clear: () => clear.call(display) },
    caughtUp: () => display.caughtUp(),
    failed: display.failed,
    get failure() {
      return display.failure;
    },
  };
}

/** The longest name of a room that a prompt shows whole, in columns. */
const MAX_SHOWN_ROOM = 20;

/**
 * Names a room in a prompt, in so few columns that a narrow terminal has some left for a message.
 *
 * @param roomName The room.
 * @param widthOf Returns the width of a text in columns.
 */
export function promptRoom(roomName: string, widthOf: (text: string) => number): string {
  if (roomName === "") return "";
  let most = MAX_SHOWN_ROOM;
  const label = () => shortened(roomName, most);
  while (widthOf(label()) > MAX_SHOWN_ROOM) most--;
  return `[${label()}] `;
}

/** A display on a terminal screen. */
class ScreenDisplay implements Display {
  /** Never resolves: the screen reports a terminal that has hung up as the end of input. */
  readonly failed = new Promise<never>(() => {});
  readonly failure = undefined;
  readonly #screen: Screen;
  readonly #displayed: (events: number) => void;
  readonly #name: string;
  readonly #widthOf: (text: string) => number;
  #roomName = "";
  /** How the prompt names the room. */
  #room = "";
  #until = 0;
  #mark = "";
  #showing: Promise<void> | undefined;

  constructor(
    screen: Screen,
    displayed: (events: number) => void,
    { name, roomName = "" }: Pick<SetupOptions, "name" | "roomName">,
    { widthOf }: typeof import("../../terminal/rows.ts"),
  ) {
    this.#screen = screen;
    this.#name = name;
    this.#displayed = displayed;
    this.#widthOf = widthOf;
    this.#in(roomName);
  }

  #in(roomName: string): void {
    this.#roomName = roomName;
    this.#room = promptRoom(roomName, this.#widthOf);
  }

  print(lines: readonly string[], until: number = this.#until): void {
    if (lines.length > 0) this.#screen.print(lines.join("\n"));
    this.#until = until;
    // Report in the next turn: the screen writes the lines at the end of this one.
    this.#showing ??= new Promise((resolve) =>
      setTimeout(() => {
        this.#showing = undefined;
        this.#displayed(this.#until);
        resolve();
      }, 0)
    );
  }

  busy(what: string | undefined): void {
    if (what === undefined) this.mark(this.#mark);
    else this.#screen.setPrompt(busyPrompt(what, this.#name));
  }

  enters(roomName: string): void {
    this.#in(roomName);
    this.mark("");
  }

  above(lines: readonly string[]): void {
    this.#screen.setAbove(lines.join("\n"));
  }

  notify(rings: boolean): void {
    const where = this.#roomName === "" ? "" : ` in ${this.#roomName}`;
    this.#screen.notify(`parley: ${this.#name}${where}`, rings);
  }

  clear(): void {
    this.#screen.clear();
  }

  mark(mark: string): void {
    this.#mark = mark;
    this.#screen.setPrompt(`${this.#room}${this.#name}${mark === "" ? "" : ` ${mark}`}> `);
  }

  caughtUp(): Promise<void> | undefined {
    return this.#showing;
  }
}

/** Returns the entries of a directory, for completion; none if it may not or cannot be read. */
function entriesOf(directory: string): DirectoryEntry[] {
  if (!isGranted({ name: "read", path: directory })) return [];
  try {
    return Array.from(
      Deno.readDirSync(directory).take(MAX_ENTRIES),
      ({ name, isDirectory, isSymlink }) => ({
        name,
        isDirectory: isDirectory || isSymlink && leadsToDirectory(`${directory}/${name}`),
      }),
    );
  } catch {
    // Tab offers what there is: the command itself says why a file cannot be opened.
    return [];
  }
}

/** The most entries of a directory that are looked at. */
const MAX_ENTRIES = 10_000;

function leadsToDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // a link to nothing
  }
}
