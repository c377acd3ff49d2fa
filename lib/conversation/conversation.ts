/**
 * A conversation: what is entered goes to a session, what happens goes to a display, until one of them ends.
 *
 * @module
 */

import { foldName } from "../chat/name.ts";
import type { Failure } from "../failure.ts";
import type { Ending, MemberEvent, Peer, Session } from "../tcp_chat.ts";
import { safetyNumber } from "../trust/safety_number.ts";
import type { Decision, Trust } from "../trust/trust.ts";
import type { Display } from "./display.ts";
import { type Ended, endedFailure, gaveUpFailure, notDelivered } from "./ended.ts";
import { type Entry, readEntry, readMessage, type Verdict } from "./entry.ts";
import type { Input } from "./lines.ts";
import { HOLD_MS, Signal, windowFor } from "./pacer.ts";
import { Obstacles } from "./obstacles.ts";
import type { Presenter } from "./presenter.ts";

/** How long a relay may take to say goodbye, in milliseconds. */
const GOODBYE_MS = 1_000;

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
}

/** What is said of a line that is typed while there is no connection. */
const WAITS = "there is no connection: what you type is sent once it is back";

/** Why a conversation is over. */
type End = { readonly code: number } | Ended;

/** One conversation. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<End>();
  readonly #progress = new Signal();
  readonly #obstacles = new Obstacles();
  #told = 0;
  #givingUp: ReturnType<typeof setTimeout> | undefined;
  /** Whether it was said, since the connection was lost, that what is typed waits. */
  #saidItWaits = false;
  /** Lines of input that could not be sent. */
  #refused = 0;
  #leaving = false;
  /** What happens while a line is being entered: it is shown behind the line. */
  #held: MemberEvent[] | undefined;

  /** Starts before its session does. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    options.stopped.then((code) => this.#over.resolve({ code }));
  }

  /** Shows what happened to the member: the session's `event`. */
  readonly tell = (event: MemberEvent): void => {
    if (this.#held !== undefined) return void this.#held.push(event);
    const { presenter, display, trust } = this.#options;
    this.#told += 1;
    // Whoever is shown is met by that.
    if (event.kind === "joined" || event.kind === "confirmed") trust.meet(event.peer);
    display.print(presenter.event(event), this.#told);
    // Whoever says whom it is for has not said it to anybody.
    if (event.kind === "unheard" && (trust.expects || trust.locked)) this.#refused += 1;
    if (event.kind === "ready") this.#ready.resolve();
    else if (event.kind === "ended") {
      // What kept an earlier connection from coming back is not why this one ended.
      this.#obstacles.clear();
      this.#over.resolve({ ending: event.reason, detail: event.detail });
    }
    if (event.kind === "disconnected") this.#lost(event.reason);
    else if (event.kind === "reconnected") this.#isBack();
    if (PROGRESS.has(event.kind)) this.#progress.notify();
  };

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
   * @returns The exit code.
   * @throws {Failure} Where the relay ended it, or not everything was delivered.
   */
  async run(session: Session): Promise<number> {
    const { display } = this.#options;
    session.ended.catch((error) => this.#over.reject(error));
    const end = await this.#whileItLasts(session);
    this.#leaving = true;
    if ("ending" in end) return await this.#ended(session, end);
    this.#sayWhatIsLost(session);
    session.leave();
    await Promise.race([session.ended, pause(GOODBYE_MS)]);
    session.close();
    await display.caughtUp();
    if (display.failure !== undefined) throw display.failure.error;
    return end.code;
  }

  /** A person who leaves without a connection leaves behind what was to be sent with the next. */
  #sayWhatIsLost({ connected, backlog }: Session): void {
    const { lines } = backlog();
    if (!this.#options.interactive || connected || lines === 0) return;
    this.#error("NOT_DELIVERED", `${notDelivered(lines)}: there was no connection`);
  }

  async #whileItLasts(session: Session): Promise<End> {
    try {
      return await Promise.race([this.#over.promise, this.#follow(session)]);
    } finally {
      clearTimeout(this.#givingUp);
    }
  }

  /** The relay, or the way to it, ended what this member had not. */
  async #ended(session: Session, end: Ended): Promise<never> {
    const failure = endedFailure(session, end, this.#obstacles.last);
    session.close();
    await this.#options.display.caughtUp();
    throw failure;
  }

  async #follow(session: Session): Promise<End> {
    const { input, interactive, stay } = this.#options;
    await this.#ready.promise;
    // A line goes to those who have been shown: whoever was there on joining is, from the first line on. After
    // that, a person's line waits for nobody who comes while it is being entered.
    await this.#options.display.caughtUp();
    for await (const entered of input) {
      if (this.#leaving) return { code: 0 };
      const end = await this.#take(session, entered);
      if (end !== undefined) return end;
      if (this.#options.display.failure !== undefined) return { code: 1 };
    }
    if (stay) return await this.#over.promise;
    if (!interactive) await this.#drain(session);
    return { code: this.#refused === 0 ? 0 : 1 };
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
        if (!this.#options.interactive) await this.#settle(session);
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
        this.#who(session);
        return undefined;
      case "fingerprint":
        await this.#fingerprint(session, entry.name);
        return undefined;
      case "verify":
      case "trust":
      case "forget":
      case "exclude":
      case "include":
        this.#decide(session, entry.kind, entry.name);
        return undefined;
      case "lock":
      case "unlock":
        this.#lock(session, entry.kind === "lock");
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

  /** Who is here and is not given what is said. */
  #leftOut(session: Session): Peer[] {
    return this.#others(session).filter((peer) => this.#options.trust.obstacle(peer) !== undefined);
  }

  #others(session: Session): Peer[] {
    return session.members().filter(({ credential }) => credential.key !== session.self.key);
  }

  #who(session: Session): void {
    const { presenter, display, trust } = this.#options;
    for (const { credential } of this.#others(session)) trust.show(credential);
    display.print(presenter.roster(session.members(), session.self));
  }

  async #fingerprint(session: Session, name: string | undefined): Promise<void> {
    const { presenter, display, trust } = this.#options;
    const { self } = session;
    if (name === undefined || foldName(name) === self.folded) {
      return display.print(presenter.fingerprint(self));
    }
    const peer = this.#find(session, name);
    if (peer === undefined) return this.#error("NO_SUCH_MEMBER", nobody(name));
    const { credential } = peer;
    const number = await safetyNumber(self.fingerprint, credential.fingerprint);
    const other = { standing: trust.standing(credential), safetyNumber: number };
    trust.show(credential);
    display.print(presenter.fingerprint({ ...credential, other }));
  }

  #find(session: Session, name: string): Peer | undefined {
    const folded = foldName(name);
    return this.#others(session).find(({ credential }) => credential.folded === folded);
  }

  #decide(session: Session, verdict: Verdict, name: string): void {
    const { presenter, display } = this.#options;
    const peer = this.#find(session, name);
    const decision = this.#rule(verdict, name, peer);
    if (decision.ok) display.print(presenter.decided(verdict, name, peer));
    else this.#refuse(decision.code, decision.message);
  }

  #rule(
    verdict: Verdict,
    name: string,
    peer: Peer | undefined,
  ): Decision | { ok: false; code: "NO_SUCH_MEMBER"; message: string } {
    const { trust } = this.#options;
    if (verdict === "forget") return trust.forget(name);
    if (verdict === "include") return trust.include(peer?.credential.name ?? name);
    if (peer === undefined) return { ok: false, code: "NO_SUCH_MEMBER", message: nobody(name) };
    if (verdict === "trust") return trust.trust(peer.credential);
    if (verdict === "verify") return trust.verify(peer.credential);
    trust.exclude(peer.credential);
    return { ok: true };
  }

  #lock(session: Session, locked: boolean): void {
    const { presenter, display, trust } = this.#options;
    trust.lock(locked);
    // Who was met while the room was locked was not remembered.
    for (const peer of this.#others(session)) trust.meet(peer);
    display.print(presenter.locked(locked, this.#leftOut(session)));
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
    while (session.backlog().bytes > windowFor(session.members().length)) {
      // Without a connection nothing moves, and nobody is held up but this side.
      if (!await this.#progress.changed(HOLD_MS) && session.connected) return;
    }
  }

  /** Waits until everything is delivered. */
  async #drain(session: Session): Promise<void> {
    const { giveUpMs } = this.#options;
    const deadline = performance.now() + giveUpMs;
    while (session.backlog().lines > 0) {
      const left = deadline - performance.now();
      if (left <= 0) throw gaveUpFailure(session, giveUpMs, this.#obstacles.last);
      await this.#progress.changed(left);
    }
  }
}

/** What may bring a line further that is on its way. */
const PROGRESS: ReadonlySet<MemberEvent["kind"]> = new Set<MemberEvent["kind"]>([
  "delivered",
  "unheard",
  "left",
  "reconnected",
]);

function nobody(name: string): string {
  return `nobody else here is called ${name}`;
}

function tooLong(bytes: number): string {
  return `a message has at most 65536 bytes (64 KiB) of UTF-8, not ${bytes}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
