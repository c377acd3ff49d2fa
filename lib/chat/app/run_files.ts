/**
 * The files of one run of the chat: the identity and the known peers, the history of the input line, the log, and the
 * allow list; and what is told of them.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { fileFailure, toFailure } from "../../os/errors.ts";
import { type Io, isGranted, writeAll } from "../../os/io.ts";
import { AppendedFile } from "../../os/log.ts";
import type { Input } from "../../os/streams.ts";
import type { RelayServer } from "../runtime/room.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import type { AllowList, KnownPeersFileEvents } from "../trust/peer_files.ts";
import { type Crowding, Trust } from "../trust/trust.ts";
import { NOTICE_AFTER_MS } from "./departure.ts";
import {
  CROWDED_TEXT,
  SETTLING_TEXT,
  UNSAVED_TEXT,
  unwrittenText,
  WAITING_TEXT,
  WRITTEN_TEXT,
} from "./peer_texts.ts";
import type { Display, KeptLog, Presenter } from "./presenter.ts";
import { isKept } from "./slash_commands.ts";

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
    : await (await import("../../os/input_output.ts")).readIdentity(identity);
  const rules = { expected, strict };
  if (knownPeers === undefined) {
    const trust = new Trust({ ...rules, known: KnownPeers.parse("") });
    return { identity: keys, trust, settled: () => Promise.resolve(), [Symbol.dispose]: () => {} };
  }
  const { KnownPeersFile } = await import("../trust/peer_files.ts");
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

/** The presenter and the display of the chat, for notices. */
export interface Shown {
  readonly presenter: Presenter;
  readonly display: Display;
}

/**
 * Prints notices about the known-peers file: through the chat's display once it is set up, on
 * standard output before.
 */
export class KnownPeersNotices implements KnownPeersEvents {
  readonly #io: Io;
  readonly #early: Presenter;
  #shownIn: Shown | undefined;

  /**
   * @param io The standard streams.
   * @param early Formats what is told before there is a display.
   */
  constructor(io: Io, early: Presenter) {
    this.#io = io;
    this.#early = early;
  }

  /** Sends later notices to the chat's display. */
  showIn(shown: Shown): void {
    this.#shownIn = shown;
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
    return this.#shownIn?.presenter ?? this.#early;
  }

  #print(lines: readonly string[]): void {
    if (this.#shownIn !== undefined) this.#shownIn.display.print(lines);
    else writeAll(this.#io.output, lines.map((line) => `${line}\n`).join(""));
  }
}

/**
 * Waits until the known peers are written, however slow the disk is, and tells that it waits. Ctrl-C and stop signals
 * end the wait.
 */
export async function settle(
  loaded: LoadedTrust,
  { display, presenter }: Shown,
  hurried: Promise<void>,
): Promise<void> {
  const slow = setTimeout(() => display.print(presenter.notice(SETTLING_TEXT)), NOTICE_AFTER_MS);
  const settled = loaded.settled().then(() => true);
  const isSettled = await Promise.race([settled, hurried.then(() => false)]);
  clearTimeout(slow);
  if (!isSettled) display.print(presenter.error("UNSAVED", UNSAVED_TEXT));
}

const UNKEPT_TEXT = "lines that you enter may be missing from the history";
/** The most bytes of a history file that are read: its last lines. */
const MAX_HISTORY_BYTES = 1 << 20;

/** Where the lines of a conversation come from. */
export interface LineSource {
  readonly io: Io;
  readonly json: boolean;
  /** The input lines; without them, the terminal or standard input is read. */
  readonly input?: AsyncIterable<Input>;
}

/** Whether a person types at a terminal. */
export function isTyped({ io, json }: LineSource): boolean {
  return !json && io.input.keyboard !== undefined && io.output.isTerminal;
}

/** Whether the terminal has an input line. One without escape sequences edits and echoes by itself. */
export function hasScreen(options: LineSource): boolean {
  return isTyped(options) && options.input === undefined && !options.io.output.dumb;
}

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
  options: LineSource & { readonly history: string | undefined },
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

/** Opens the log that `--log` names, if there is one. */
export async function openLog(
  { logFile }: { readonly logFile?: string | undefined },
  notices: KnownPeersNotices,
): Promise<ChatLog> {
  const log = new ChatLog(notices);
  if (logFile !== undefined) await log.open(logFile);
  return log;
}

/** Opens a server's allow list, if it has one. */
export async function openAllowList(
  { allow }: { readonly allow: string | undefined },
): Promise<AllowList | undefined> {
  if (allow === undefined) return undefined;
  return await (await import("../trust/peer_files.ts")).AllowList.open(allow);
}

/** Reloads the allow list and removes members that are no longer on it. */
export async function reloadAllowList(
  allowed: AllowList,
  server: Pick<RelayServer, "removeDisallowed">,
  setup: Shown,
): Promise<void> {
  const { display, presenter } = setup;
  try {
    const unchanged = await allowed.reload() ? "" : " (unchanged)";
    const identities = allowed.size === 1 ? "1 identity" : `${allowed.size} identities`;
    display.print(presenter.notice(`allow list reloaded: ${identities} may join${unchanged}`));
    server.removeDisallowed();
  } catch (error) {
    reportUnread(toFailure(error, "cannot reload the allow list"), setup);
  }
}

/** Says why the allow list could not be read again. */
export function reportUnread(
  { code, what, why }: Failure,
  { display, presenter }: Shown,
): void {
  display.print(presenter.error(code, `${what}: ${why}; the previous list stays in force`));
}
