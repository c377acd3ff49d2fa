/**
 * A conversation: what is entered goes to a session, what happens goes to a display, until one of them ends.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { type Input, outputFailure, ReadAhead } from "../../os/streams.ts";
import type { FaultCode, MemberEvent } from "../member/options.ts";
import type { Session } from "../runtime/session.ts";
import type { Trust } from "../trust/trust.ts";
import type { Ending } from "../wire/kinds.ts";
import { Departure, SAID_AFTER_MS } from "./departure.ts";
import {
  type Ended,
  endedFailure,
  gaveUpFailure,
  missedFailure,
  notDelivered,
  Obstacles,
} from "./ended.ts";
import { HOLD_MS, isFull, Signal } from "./pacer.ts";
import { People } from "./people.ts";
import type { Display, Presenter } from "./presenter.ts";
import { type Entry, readEntry, readMessage } from "./slash_commands.ts";

/** What a conversation is made of. */
export interface ConversationOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly input: AsyncIterable<Input>;
  readonly trust: Trust;
  /** Reads the server's list again, and says what came of it; where there is none, undefined. */
  readonly reload?: (() => Promise<void>) | undefined;
  /** Whether a person types; without, every line waits its turn and the end of input waits for delivery. */
  readonly interactive: boolean;
  /** Whether every line is a message, also one that starts with a slash, which is a command without this. */
  readonly messagesOnly?: boolean;
  /** Whether to stay when the input ends. */
  readonly stay: boolean;
  /**
   * How long to wait for delivery at the end of the input, and, unless it is to stay, for a connection that
   * is lost to come back, in milliseconds.
   */
  readonly giveUpMs: number;
  /** Fulfilled with an exit code when the process is told to stop. */
  readonly stopped: Promise<number>;
  /** Fulfilled when it is told a second time. */
  readonly insisted: Promise<void>;
}

/** What is said of a line that is typed while there is no connection. */
const WAITS = "there is no connection: what you type is sent once it is back";

/** Why a conversation is over. */
type End = { readonly code: number } | { readonly failure: Failure } | Ended;

/** One conversation. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<End>();
  readonly #progress = new Signal();
  readonly #hurry = Promise.withResolvers<void>();
  readonly #obstacles = new Obstacles();
  readonly #people: People;
  readonly #departure: Departure;
  readonly #input: AsyncIterable<Input>;
  /** What has been read and waits, where a person types. */
  readonly #readAhead: ReadAhead | undefined;
  #told = 0;
  #givingUp: ReturnType<typeof setTimeout> | undefined;
  /** Whether it was said, since the connection was lost, that what is typed waits. */
  #saidItWaits = false;
  /** How many lines some have not shown before they left, and the names of those. */
  readonly #missed = { lines: 0, names: new Set<string>() };
  /** Lines of input that could not be sent. */
  #refused = 0;
  #isReady = false;
  /** Whether somebody was listed and is not taken for a member. */
  #hasRefused = false;
  #interrupted = false;
  #leaving = false;
  /** The exit code of whoever was told to stop while a person sat there. */
  #stopCode: number | undefined;
  /** How many lines were taken and wait to be entered into the session: one at most. */
  #inHand = 0;
  #slowToJoin: ReturnType<typeof setTimeout> | undefined;
  /** What happens while a line is being entered: it is shown behind the line. */
  #held: MemberEvent[] | undefined;

  /** Starts before its session does. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    const { display, input, interactive, stopped, insisted } = options;
    this.#people = new People(options, (code, message) => this.#refuse(code, message));
    this.#departure = new Departure({
      ...options,
      progress: this.#progress,
      hurry: this.#hurry.promise,
    });
    this.#readAhead = interactive ? new ReadAhead(input, (one) => this.#heard(one)) : undefined;
    this.#input = this.#readAhead ?? input;
    stopped.then((code) => this.#stop(code));
    insisted.then(this.#hurry.resolve);
    display.failed.then((error) => this.#over.resolve({ failure: outputFailure(error) }));
  }

  /** The process is told to stop. A screen enters that as an interrupt, behind what was entered before. */
  #stop(code: number): void {
    if (this.#leaving) this.#hurry.resolve();
    else if (this.#options.interactive) this.#stopCode = code;
    else this.#over.resolve({ code });
  }

  /** Something was entered, and is taken in its turn. Who leaves does not wait for a room. */
  #heard(entered: Input): void {
    const isInterrupt = entered.kind === "interrupt";
    if (isInterrupt && (this.#leaving || this.#interrupted)) this.#hurry.resolve();
    this.#interrupted ||= isInterrupt;
    if (this.#leaving || this.#isReady) return;
    if (isInterrupt) this.#over.resolve({ code: 130 });
    else if (leaves(entered)) this.#leaveBeforehand();
  }

  /** Who leaves before it is in the room waits for it only with something to say. */
  #leaveBeforehand(): void {
    const lines = this.#unsaid();
    if (lines === 0) return this.#over.resolve({ code: 0 });
    this.#slowToJoin ??= setTimeout(() => this.#departure.sayThatItWaits(lines), SAID_AFTER_MS);
  }

  /** How many lines have been read, and were not entered into the session. */
  #unsaid(): number {
    const waiting = this.#readAhead?.waiting ?? [];
    return this.#inHand + waiting.filter(says).length;
  }

  /** Shows what happened to the member: the session's `event`. */
  readonly tell = (event: MemberEvent): void => {
    if (this.#held !== undefined) return void this.#held.push(event);
    const { presenter, display, trust } = this.#options;
    this.#told += 1;
    // Whoever is shown is met by that.
    if (event.kind === "joined" || event.kind === "confirmed") trust.meet(event.peer);
    display.print(presenter.event(event), this.#told);
    if ("missed" in event && event.kind !== "reconnected") this.#miss(event.missed ?? []);
    // Whoever says whom it is for has not said it to anybody, nor who takes somebody that is there for nobody.
    const isMissed = trust.expects || trust.locked || this.#hasRefused;
    if (event.kind === "unheard" && isMissed) this.#refused += 1;
    if (event.kind === "fault" && NOT_ADMITTED.has(event.code)) this.#hasRefused = true;
    if (event.kind === "ready") {
      this.#isReady = true;
      this.#ready.resolve();
    } else if (event.kind === "ended") {
      // What kept an earlier connection from coming back is not why this one ended.
      this.#obstacles.clear();
      this.#over.resolve({ ending: event.reason, detail: event.detail });
    }
    if (event.kind === "disconnected") this.#lost(event.reason);
    else if (event.kind === "reconnected") this.#isBack();
    if (this.#leaving || PROGRESS.has(event.kind)) this.#progress.notify();
  };

  #miss(names: readonly string[]): void {
    this.#missed.lines += 1;
    for (const name of names) this.#missed.names.add(name);
  }

  /** Hears why a lost connection has not come back: the session's `obstacle`. */
  readonly obstacle = (failure: Failure): void => {
    if (!this.#obstacles.add(failure)) return;
    const { code, what, why } = failure;
    this.#error(code, `${what}: ${why}; trying again all the same`);
  };

  #isBack(): void {
    clearTimeout(this.#givingUp);
    this.#obstacles.clear();
    this.#saidItWaits = false;
  }

  /** The connection is lost. A person waits for another as long as it pleases, and so does who listens. */
  #lost(ending: Ending): void {
    const { interactive, stay, giveUpMs } = this.#options;
    if (interactive || stay) return;
    clearTimeout(this.#givingUp);
    const detail = `no other connection within ${giveUpMs} ms`;
    this.#givingUp = setTimeout(() => this.#over.resolve({ ending, detail }), giveUpMs);
  }

  /**
   * Runs until the input ends, the person leaves, the relay goes or the process is stopped.
   *
   * @param joining The session, once there is one.
   * @returns The exit code.
   * @throws {Failure} Where the relay ended it, or not everything was delivered.
   */
  async run(joining: Promise<Session> | Session): Promise<number> {
    try {
      const first = await Promise.race([joining, this.#over.promise]);
      return "self" in first
        ? await this.#runIn(first)
        : await this.#endBeforehand(first, Promise.resolve(joining));
    } finally {
      clearTimeout(this.#slowToJoin);
      clearTimeout(this.#givingUp);
    }
  }

  async #runIn(session: Session): Promise<number> {
    session.ended.catch((error) => this.#over.reject(error));
    const end = await this.#untilItEnds(session);
    if ("ending" in end) return await this.#ended(session, end);
    if ("failure" in end) return await this.#fail(session, end.failure);
    const lost = await this.#departure.leave(session, () => this.#unsaid());
    const { failure } = this.#options.display;
    if (failure !== undefined) throw outputFailure(failure.error);
    const code = this.#stopCode ?? end.code;
    return code === 0 && lost > 0 && !this.#options.interactive ? 1 : code;
  }

  /** Waits for the end. Input that cannot be read, and what no input explains, end it too. */
  async #untilItEnds(session: Session): Promise<End> {
    try {
      return await Promise.race([this.#over.promise, this.#follow(session)]);
    } catch (error) {
      await this.#departure.sayGoodbye(session);
      throw error;
    } finally {
      this.#leaving = true;
      clearTimeout(this.#slowToJoin);
    }
  }

  /** It ends before there is a session; one that comes yet is not wanted. */
  async #endBeforehand(end: End, joining: Promise<Session>): Promise<number> {
    this.#leaving = true;
    joining.then((late) => late.leave(), () => {});
    if ("failure" in end) throw end.failure;
    const lines = this.#unsaid();
    if (lines > 0) this.#error("NOT_DELIVERED", `${notDelivered(lines)}: you were not in the room`);
    await this.#departure.caughtUp();
    return this.#stopCode ?? ("code" in end ? end.code : 1);
  }

  /** The relay, or the way to it, ended what this member had not. */
  async #ended(session: Session, end: Ended): Promise<never> {
    const failure = endedFailure(session, end, this.#obstacles.last, this.#unsaid());
    session.close();
    await this.#departure.caughtUp();
    throw failure;
  }

  /** This side gives up: it leaves as others do, so that its name is free at once. */
  async #fail(session: Session, failure: Failure): Promise<never> {
    await this.#departure.sayGoodbye(session);
    throw failure;
  }

  async #follow(session: Session): Promise<End> {
    const { interactive, stay } = this.#options;
    await this.#ready.promise;
    // A line goes to those who have been shown: whoever was there on joining is, from the first line on. After
    // that, a person's line waits for nobody who comes while it is being entered.
    await this.#options.display.caughtUp();
    for await (const entered of this.#input) {
      const end = await this.#take(session, entered);
      if (end !== undefined) return end;
    }
    if (stay) return await this.#over.promise;
    const failure = interactive ? undefined : await this.#drain(session);
    return failure === undefined ? { code: this.#refused === 0 ? 0 : 1 } : { failure };
  }

  async #take(session: Session, entered: Input): Promise<End | undefined> {
    switch (entered.kind) {
      case "interrupt":
        return { code: 130 };
      case "end":
        return { code: 0 };
      case "long":
        this.#refuse("TEXT_TOO_LARGE", tooLong(entered.bytes));
        return undefined;
      case "line":
        if (!this.#options.interactive) {
          this.#inHand = says(entered) ? 1 : 0;
          await this.#settle(session);
          // Who leaves meanwhile says that it was not delivered.
          if (this.#leaving) return { code: 0 };
          this.#inHand = 0;
        }
        return await this.#act(session, this.#read(entered.text));
    }
  }

  #read(line: string): Entry {
    const { messagesOnly, interactive } = this.#options;
    return messagesOnly === true ? readMessage(line) : readEntry(line, interactive);
  }

  /** What nobody typed waits its turn, and is said to whoever is being shown by then. */
  async #settle(session: Session): Promise<void> {
    await this.#pace(session);
    await this.#options.display.caughtUp();
  }

  async #act(session: Session, entry: Entry): Promise<End | undefined> {
    const { presenter, display } = this.#options;
    switch (entry.kind) {
      case "nothing":
        return undefined;
      case "say":
        this.#say(session, entry.text, entry.to);
        return undefined;
      case "who":
        this.#people.who(session);
        return undefined;
      case "fingerprint":
        await this.#people.fingerprint(session, entry.name);
        return undefined;
      case "verify":
      case "trust":
      case "forget":
      case "exclude":
      case "include":
        this.#people.decide(session, entry.kind, entry.name);
        return undefined;
      case "lock":
      case "unlock":
        this.#people.lock(session, entry.kind === "lock");
        return undefined;
      case "reload":
        await this.#reload();
        return undefined;
      case "help":
        display.print(presenter.help());
        return undefined;
      case "mistake":
        this.#refuse(entry.code, entry.message);
        return undefined;
      case "quit":
        return { code: 0 };
    }
  }

  #say(session: Session, text: string, to: string | undefined): void {
    const { presenter, display } = this.#options;
    const held: MemberEvent[] = [];
    this.#held = held;
    const entered = session.enter(text, to);
    this.#held = undefined;
    if (entered.ok) display.print(presenter.said(text, to, entered));
    else this.#refuse(entered.code, entered.message);
    for (const event of held) this.tell(event);
    if (entered.ok && this.#options.interactive && !session.connected) this.#sayItWaits();
  }

  /** A person who types without a connection is told once that nothing is lost. */
  #sayItWaits(): void {
    if (this.#saidItWaits) return;
    this.#saidItWaits = true;
    this.#options.display.print(this.#options.presenter.notice(WAITS));
  }

  async #reload(): Promise<void> {
    const { reload } = this.#options;
    if (reload !== undefined) return await reload();
    this.#refuse("NOTHING_TO_RELOAD", "/reload is for a server that was started with --allow FILE");
  }

  #error(code: string, message: string): void {
    this.#options.display.print(this.#options.presenter.error(code, message));
  }

  /** Something that was entered is not done: it counts against the exit code. */
  #refuse(code: string, message: string): void {
    this.#error(code, message);
    this.#refused += 1;
  }

  /** Waits until less than a window is on its way; a member that shows nothing holds it up once. */
  async #pace(session: Session): Promise<void> {
    while (isFull(session.backlog(), session.members().length)) {
      // Without a connection nothing moves, and nobody is held up but this side.
      if (!await this.#progress.changed(HOLD_MS) && session.connected) return;
    }
  }

  /**
   * Waits until everything is delivered.
   *
   * @returns Why it waits no longer, where not everything is.
   */
  async #drain(session: Session): Promise<Failure | undefined> {
    const { giveUpMs } = this.#options;
    const deadline = performance.now() + giveUpMs;
    while (session.backlog().lines > 0) {
      const left = deadline - performance.now();
      if (left <= 0) return gaveUpFailure(session, giveUpMs, this.#obstacles.last);
      await this.#progress.changed(left);
    }
    const { lines, names } = this.#missed;
    return lines === 0 ? undefined : missedFailure(lines, [...names]);
  }
}

/** The faults of somebody who is listed and is not taken for a member. */
const NOT_ADMITTED: ReadonlySet<FaultCode> = new Set<FaultCode>([
  "BAD_CREDENTIAL",
  "CREDENTIAL_EXPIRED",
  "NAME_TAKEN",
  "KEY_TAKEN",
]);

/** What may bring a line further that is on its way. */
const PROGRESS: ReadonlySet<MemberEvent["kind"]> = new Set<MemberEvent["kind"]>([
  "delivered",
  "unheard",
  "left",
  "reconnected",
]);

/** Whether an entry is something to say. */
function says(entered: Input): boolean {
  return entered.kind === "line" && readEntry(entered.text, true).kind === "say";
}

/** Whether who enters this leaves by it, in its turn. */
function leaves(entered: Input): boolean {
  return entered.kind === "end" ||
    entered.kind === "line" && readEntry(entered.text, true).kind === "quit";
}

function tooLong(bytes: number): string {
  return `a message has at most 65536 bytes (64 KiB) of UTF-8, not ${bytes}`;
}
