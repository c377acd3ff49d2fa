/**
 * Loads the identity, the known peers, the allow list and the history of a run, reports events of these files, and
 * sets up the conversation.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { type Io, isGranted, StopSignals, writeAll } from "../../os/io.ts";
import { fileFailure } from "../../os/errors.ts";
import { AppendedFile } from "../../os/log.ts";
import { type Input, Output, ReadAhead, readLines, shared } from "../../os/streams.ts";
import type { Screen } from "../../terminal/screen.ts";
import { completePath, type DirectoryEntry } from "../../terminal/suggestions.ts";
import { CANNOT_SUSPEND, makeStyle, unstyled } from "../../terminal/terminal.ts";
import type { Tap } from "../link.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import type { KnownPeersFileEvents } from "../trust/known_peers_file.ts";
import { type Crowding, Trust } from "../trust/trust.ts";
import { MAX_TEXT_BYTES } from "../wire/content.ts";
import { Conversation } from "./chat_loop.ts";
import { Report } from "./json_report.ts";
import {
  type ConversationOptions,
  CROWDED_TEXT,
  type Display,
  type KeptLog,
  type Presenter,
  type ServerPresenter,
  unwrittenText,
  WAITING_TEXT,
  WRITTEN_TEXT,
} from "./presenter.ts";
import { completeLine, isKept } from "./slash_commands.ts";
import { dayOf, secondOf } from "../../base/clock.ts";
import { Transcript } from "./transcript.ts";
import { ServerTranscript } from "./observe.ts";
import { dumpFrame, WireReader } from "./wire_dump.ts";

/** The command-line settings for trust. */
export interface TrustSettings {
  /** The key file of a long-lived identity; without it, each run generates a key. */
  readonly identity: string | undefined;
  /** The known-peers file; without it, no peers are remembered. */
  readonly knownPeers: string | undefined;
  /** If not empty, only these fingerprints receive keys. */
  readonly expected: readonly string[];
  /** Whether only known, invited and verified members receive keys. */
  readonly strict: boolean;
}

/** The default settings: no files, and every member receives keys. */
export const OPEN_MINDED: TrustSettings = {
  identity: undefined,
  knownPeers: undefined,
  expected: [],
  strict: false,
};

/** The callbacks for events of the known peers and of their file. */
export interface KnownPeersEvents
  extends Pick<KnownPeersFileEvents, "waiting" | "failed" | "recovered"> {
  /** Not all peers who are met can be remembered. */
  crowded(why: Crowding): void;
}

const IGNORED: KnownPeersEvents = {
  waiting: () => {},
  failed: () => {},
  recovered: () => {},
  crowded: () => {},
};

/** The loaded identity and trust. */
export interface LoadedTrust extends Disposable {
  readonly identity: CryptoKeyPair | undefined;
  readonly trust: Trust;
  /** Resolves when all changes have been written or the write has failed. */
  settled(): Promise<void>;
  /** Closes the open files. */
  [Symbol.dispose](): void;
}

/**
 * Reads the files. It keeps written files open, so that the process may then drop its file
 * permissions. The code for a file is loaded only if the file is named.
 *
 * @param settings The command-line settings.
 * @param events The callbacks for later events of the known-peers file.
 * @throws {Failure} If a file cannot be read.
 */
export async function loadTrust(
  { identity, knownPeers, expected, strict }: TrustSettings,
  events: KnownPeersEvents = IGNORED,
): Promise<LoadedTrust> {
  const keys = identity === undefined
    ? undefined
    : await (await import("../trust/allow_list.ts")).readIdentity(identity);
  const rules = { expected, strict };
  if (knownPeers === undefined) {
    const trust = new Trust({ ...rules, known: KnownPeers.parse("") });
    return { identity: keys, trust, settled: () => Promise.resolve(), [Symbol.dispose]: () => {} };
  }
  const { KnownPeersFile } = await import("../trust/known_peers_file.ts");
  const callbacks = { ...events, changed: (peers: KnownPeers) => trust.replaceKnown(peers) };
  const { file, known } = await KnownPeersFile.open(knownPeers, callbacks);
  const trust = new Trust({
    ...rules,
    known,
    remember: (change) => file.remember(change),
    crowded: (why) => events.crowded(why),
  });
  const close = () => file[Symbol.dispose]();
  return { identity: keys, trust, settled: () => file.finish(), [Symbol.dispose]: close };
}

/**
 * Prints notices about the known-peers file: through the chat's display once it is set up, on
 * standard output before.
 */
export class KnownPeersNotices implements KnownPeersEvents {
  readonly #io: Io;
  readonly #early: Presenter;
  #setup: Pick<ConversationSetup, "presenter" | "display"> | undefined;

  /**
   * @param io The standard streams.
   * @param json Whether to print JSON events.
   */
  constructor(io: Io, json: boolean) {
    this.#io = io;
    this.#early = json ? new Report() : new Transcript({
      style: makeStyle(io.output.coloured),
      echo: false,
      folds: io.output.isTerminal,
      who: new Trust({ known: KnownPeers.parse("") }),
      lasting: false,
    });
  }

  /** Sends later notices to the chat's display. */
  showIn(setup: Pick<ConversationSetup, "presenter" | "display">): void {
    this.#setup = setup;
  }

  readonly waiting = (): void => this.#notice(WAITING_TEXT);
  readonly recovered = (): void => this.#notice(WRITTEN_TEXT);
  readonly crowded = (why: Crowding): void => this.#notice(CROWDED_TEXT[why]);
  readonly failed = (failure: Failure): void => this.#error(failure.code, unwrittenText(failure));

  /** Reports that a file cannot be appended to, and what it may lack. */
  unkept({ code, what, why }: Failure, lacks: string): void {
    this.#error(code, `${what}: ${why}; ${lacks}`);
  }

  #notice(text: string): void {
    this.#print(this.#presenter.notice(text));
  }

  #error(code: string, message: string): void {
    this.#print(this.#presenter.error(code, message));
  }

  get #presenter(): Presenter {
    return this.#setup?.presenter ?? this.#early;
  }

  #print(lines: readonly string[]): void {
    if (this.#setup !== undefined) this.#setup.display.print(lines);
    else writeAll(this.#io.output, lines.map((line) => `${line}\n`).join(""));
  }
}

const UNKEPT_TEXT = "lines that you enter may be missing from the history";
/** The most bytes of a history file that are read: its last lines. */
const MAX_HISTORY_BYTES = 1 << 20;

/** The lines of earlier runs, and the file that keeps those of this run. */
export interface LineHistory extends AsyncDisposable {
  readonly earlier: readonly string[];
  keep(line: string): void;
}

/**
 * Opens a history file. Only a terminal's input line has a history: undefined without one, or
 * without a file.
 *
 * @param options The file, and where lines are typed.
 * @param notices Reports a failed write.
 * @throws {Failure} If the file cannot be read, or is not private.
 */
export async function openHistory(
  options: Pick<SetupOptions, "io" | "json" | "input"> & { readonly history: string | undefined },
  notices: KnownPeersNotices,
): Promise<LineHistory | undefined> {
  if (options.history === undefined || !hasScreen(options)) return undefined;
  const { fromRecord, toRecord } = await import("../../terminal/suggestions.ts");
  const what = `cannot write ${printable(options.history)}`;
  const file = await AppendedFile.open(
    options.history,
    (error) => notices.unkept(fileFailure(error, what), UNKEPT_TEXT),
  );
  return {
    earlier: (await file.lastLines(MAX_HISTORY_BYTES)).filter((line) => line !== "").map(
      fromRecord,
    ),
    keep: (line) => {
      if (isKept(line)) file.append(toRecord(line));
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** Whether a person types at a terminal. */
function isTyped({ io, json }: Pick<SetupOptions, "io" | "json">): boolean {
  return !json && io.input.keyboard !== undefined && io.output.isTerminal;
}

/** Whether the terminal has an input line. One without escape sequences edits and echoes by itself. */
function hasScreen(options: Pick<SetupOptions, "io" | "json" | "input">): boolean {
  return isTyped(options) && options.input === undefined && !options.io.output.dumb;
}

/** The file that keeps what is shown: the one of `--log`, or one that the user names later. */
export class ChatLog implements KeptLog, AsyncDisposable {
  readonly #notices: KnownPeersNotices;
  #kept: { readonly path: string; readonly file: AppendedFile } | undefined;

  /** @param notices Reports a failed write. */
  constructor(notices: KnownPeersNotices) {
    this.#notices = notices;
  }

  get path(): string | undefined {
    return this.#kept?.path;
  }

  async start(path: string): Promise<void> {
    // Without the permission, the runtime would ask for it in the middle of the screen.
    const missing = (["read", "write"] as const).find((name) => !isGranted({ name, path }));
    if (missing !== undefined) throw notPermitted(path, missing);
    await this.open(path);
  }

  /**
   * Does the same at the start of the run, when the permission may be asked for.
   *
   * @throws {Failure} If it cannot be opened, or is not private.
   */
  async open(path: string): Promise<void> {
    const what = `cannot write to ${printable(path)}`;
    const file = await AppendedFile.open(
      path,
      (error) => this.#notices.unkept(fileFailure(error, what), UNLOGGED_TEXT),
    );
    await this.stop();
    this.#kept = { path, file };
  }

  async stop(): Promise<void> {
    const { file } = this.#kept ?? {};
    this.#kept = undefined;
    await file?.[Symbol.asyncDispose]();
  }

  /** Appends a line, if there is a file. */
  append(line: string): void {
    this.#kept?.file.append(line);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const UNLOGGED_TEXT = "what the chat shows from now on may be missing from that file";

function notPermitted(path: string, missing: "read" | "write"): Failure {
  return new Failure({
    what: `cannot open ${printable(path)}`,
    why: `parley may not ${missing} files now`,
    code: "NOT_PERMITTED",
    hint: "start it with --files, or with --log FILE, and permit it to read and write files",
  });
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

/** Options of {@linkcode setUpConversation}. */
export interface SetupOptions
  extends Pick<ConversationOptions, "trust" | "stay" | "giveUpMs" | "bell" | "rooms" | "reload"> {
  readonly io: Io;
  readonly json: boolean;
  /** Whether piped input may contain slash commands; JSON input and typed lines always may. */
  readonly commands: boolean;
  readonly wire: boolean;
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
  /** The input lines; without them, the terminal or standard input is read. */
  readonly input?: AsyncIterable<Input>;
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
  const { io, trust, lasting, rooms, log, keepsAtHangup = false } = options;
  const { output } = io;
  const screen = hasScreen(options)
    ? (await import("../../terminal/screen.ts")).openScreen(io, {
      prompt: busyPrompt(KEYS_TEXT, options.name),
      complete: (before) =>
        completeLine(before, options.names?.() ?? [], options.hosts === true ? "host" : "guest", {
          rooms: rooms?.others ?? [],
          paths: (begun) => completePath(begun, entriesOf),
        }),
      ...options.lines,
    })
    : undefined;
  const typed = isTyped(options) && (options.input === undefined || output.dumb);
  const display = screen === undefined
    ? await openOutput(options, displayed)
    : new ScreenDisplay(screen, displayed, options.name, options.roomName);
  const presenter = options.json ? new Report(trust, options.roomName) : new ServerTranscript({
    style: makeStyle(output.coloured),
    echo: screen !== undefined,
    folds: output.isTerminal,
    timed: output.isTerminal,
    gathers: output.isTerminal,
    grows: screen !== undefined,
    who: trust,
    lasting,
    dump: dumpFrame,
    roomName: options.roomName ?? "",
    ...options.waitsFor && { waitsFor: options.waitsFor },
    logFile: log?.path,
  });
  const shown = gathering(display, presenter, options);
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
    tap: options.wire ? { tap: () => wireTap(presenter, shown) } : {},
    [Symbol.asyncDispose]: async () => {
      await Promise.race([display.caughtUp(), signals.insisted]);
      signals[Symbol.dispose]();
      refusal?.[Symbol.dispose]();
      screen?.close();
      await screen?.flushed();
    },
  };
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
  const interrupt = stopped.then(() => ({ kind: "interrupt" }) as const);
  for (;;) {
    const next = await Promise.race([iterator.next().then(entered), interrupt]);
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
export function wireTap(
  presenter: Presenter,
  display: Display,
  greeter: "sent" | "received" = "sent",
): Tap {
  const reader = new WireReader((frame) => display.print(presenter.wire(frame)), greeter);
  return (direction, bytes) => reader.see(direction, bytes);
}

/** What a chat does first. */
export const KEYS_TEXT = "generating keys";

/** Returns the prompt before the user is in the room. */
function busyPrompt(what: string, name: string): string {
  return `(${what} …) ${name}> `;
}

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
      const ended = lines.length > 0 ? presenter.ended?.() ?? [] : [];
      [...ended, ...kept].forEach(keep);
      display.print([...ended, ...lines], until);
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

/** The longest name of a room that a prompt shows whole, in characters. */
const MAX_SHOWN_ROOM = 20;

/** A display on a terminal screen. */
class ScreenDisplay implements Display {
  /** Never resolves: the screen reports a terminal that has hung up as the end of input. */
  readonly failed = new Promise<never>(() => {});
  readonly failure = undefined;
  readonly #screen: Screen;
  readonly #displayed: (events: number) => void;
  readonly #name: string;
  #roomName: string;
  #until = 0;
  #mark = "";
  #showing: Promise<void> | undefined;

  constructor(
    screen: Screen,
    displayed: (events: number) => void,
    name: string,
    roomName = "",
  ) {
    this.#screen = screen;
    this.#name = name;
    this.#displayed = displayed;
    this.#roomName = roomName;
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
    this.#roomName = roomName;
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
    const room = this.#roomName === "" ? "" : `[${shortened(this.#roomName)}] `;
    this.#screen.setPrompt(`${room}${this.#name}${mark === "" ? "" : ` ${mark}`}> `);
  }

  caughtUp(): Promise<void> | undefined {
    return this.#showing;
  }
}

function shortened(roomName: string): string {
  const characters = [...printable(roomName)];
  return characters.length <= MAX_SHOWN_ROOM
    ? characters.join("")
    : `${characters.slice(0, MAX_SHOWN_ROOM - 1).join("")}…`;
}
