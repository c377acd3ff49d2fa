/**
 * Runs a conversation: passes input lines to a session and its events to a display, until one of
 * them ends.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { type Input, outputFailure, ReadAhead } from "../../os/streams.ts";
import type { FaultCode, MemberEvent } from "../member/options.ts";
import type { Session } from "../runtime/session.ts";
import type { Ending } from "../wire/kinds.ts";
import { type Command, CommandRunner, Verification } from "./command_runner.ts";
import {
  Delivery,
  isFull,
  keptText,
  notDelivered,
  notLetIn,
  OwnMessages,
  Signal,
  untilAccepted,
} from "./delivery.ts";
import {
  closingText,
  Departure,
  type Ended,
  endedFailure,
  NOTICE_AFTER_MS,
  Obstacles,
  refusedFailure,
} from "./departure.ts";
import type { Carried, ConversationOptions, Gate } from "./presenter.ts";
import { isMessage, leaves, parseLine, parseMessage, type SlashCommand } from "./slash_commands.ts";
import { Attention } from "./speech.ts";

/** The notice for a line that is typed without a connection. */
const WAITS = "not connected: your messages are sent after reconnecting";

/** How a conversation ends. */
type End =
  | { readonly code: number }
  | { readonly failure: Failure }
  | { readonly moved: true }
  | Ended;

/** One conversation. Construct it before its session. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<End>();
  readonly #progress = new Signal();
  readonly #delivery = new Delivery(this.#progress);
  readonly #hurry = Promise.withResolvers<void>();
  readonly #obstacles = new Obstacles();
  readonly #commands: CommandRunner;
  readonly #departure: Departure;
  readonly #own: OwnMessages;
  readonly #attention: Attention;
  readonly #verification: Verification;
  readonly #input: AsyncIterable<Input>;
  /** Typed lines that have been read ahead; undefined if the input is piped. */
  readonly #readAhead: ReadAhead | undefined;
  #shown: number;
  #givingUp: ReturnType<typeof setTimeout> | undefined;
  /** Whether the user was told, since the connection was lost, that messages wait. */
  #noticedItWaits = false;
  /** The number of input lines that could not be sent or run. */
  #refused: number;
  #isReady = false;
  /** Whether the relay listed someone that was not admitted as a member. */
  #hasRefused = false;
  #interrupted = false;
  #leaving = false;
  /** Whether the user leaves for another room. */
  #moves = false;
  /** The exit code after a stop signal at a terminal. */
  #stopCode: number | undefined;
  /** Typed messages that wait until the user's inviter has let the user in. */
  #gated: (SlashCommand & { readonly kind: "send" })[] = [];
  #gateTimeout: ReturnType<typeof setTimeout> | undefined;
  /** The number of members, until an event may have changed it. */
  #members: number | undefined;
  /** The number of messages taken from the input but not yet handed to the session: 0 or 1. */
  #inHand = 0;
  #slowToJoin: ReturnType<typeof setTimeout> | undefined;
  /** Events that occur while a message is being sent; they are shown after the message. */
  #held: MemberEvent[] | undefined;

  /** @param options The input, the output and the rules of the conversation. */
  constructor(options: ConversationOptions) {
    this.#options = options;
    const { display, input, interactive, stopped, insisted, carried } = options;
    this.#shown = carried?.shown ?? 0;
    this.#refused = carried?.refused ?? 0;
    const refuse = (code: string, message: string) => this.#refuse(code, message);
    this.#verification = new Verification(options, {
      refuse,
      fail: (error) => this.#over.reject(error),
    });
    this.#commands = new CommandRunner({ ...options, verification: this.#verification }, {
      refuse,
      gated: () => this.#gated.length,
      isLeaving: () => this.#leaving,
    });
    this.#own = new OwnMessages(options);
    this.#attention = new Attention(options);
    this.#departure = new Departure({
      ...options,
      progress: this.#progress,
      hurry: this.#hurry.promise,
    });
    this.#readAhead = interactive ? readAhead(input) : undefined;
    this.#readAhead?.listen((one) => this.#heard(one));
    this.#input = this.#readAhead ?? input;
    stopped.then((code) => this.#stop(code));
    insisted.then(this.#hurry.resolve);
    display.failed.then((error) => this.#over.resolve({ failure: outputFailure(error) }));
  }

  /**
   * Handles a stop signal. A screen also reports it as an interrupt, after the lines typed before.
   */
  #stop(code: number): void {
    if (this.#leaving) this.#hurry.resolve();
    else if (this.#options.interactive) this.#stopCode = code;
    else this.#over.resolve({ code });
  }

  /**
   * Handles typed input as soon as it is read: a user who leaves does not wait to join.
   *
   * @returns Whether the input is dealt with.
   */
  #heard(entered: Input): boolean {
    const isInterrupt = entered.kind === "interrupt";
    // A stop signal is reported as an interrupt, too, and ends the chat.
    if (isInterrupt && this.#moves) this.#hurry.resolve();
    if (isInterrupt && (this.#commands.stay() || this.#moves)) return this.#stopCode === undefined;
    if (isInterrupt && (this.#leaving || this.#interrupted)) this.#hurry.resolve();
    this.#interrupted ||= isInterrupt;
    if (this.#leaving || this.#isReady) return false;
    if (isInterrupt) this.#over.resolve({ code: 130 });
    else if (leaves(entered)) this.#leaveBeforehand();
    return false;
  }

  /** Leaves before joining. It waits to join only if there are messages to send. */
  #leaveBeforehand(): void {
    const lines = this.#unsaid();
    if (lines === 0) return this.#over.resolve({ code: 0 });
    this.#slowToJoin ??= setTimeout(
      () => this.#departure.noticeThatItWaits(lines),
      NOTICE_AFTER_MS,
    );
  }

  /** Returns the number of messages read but not yet handed to the session. */
  #unsaid(): number {
    const waiting = this.#readAhead?.waiting ?? [];
    return this.#inHand + this.#gated.length + waiting.filter(isMessage).length;
  }

  /** Resolves when the user insists on leaving at once: by Ctrl-C or a stop signal while it leaves. */
  get hurried(): Promise<void> {
    return this.#hurry.promise;
  }

  /** If the user leaves, it leaves without further waiting. */
  hurry(): void {
    if (this.#leaving) this.#hurry.resolve();
  }

  /** What the next conversation of this run goes on from. */
  get carried(): Carried {
    return { shown: this.#shown, refused: this.#refused };
  }

  /** The session's `event` callback: shows an event. */
  readonly tell = (event: MemberEvent): void => {
    if (this.#held !== undefined) return void this.#held.push(event);
    const { presenter, display, trust } = this.#options;
    this.#shown += 1;
    if (!OF_LINES.has(event.kind)) this.#members = undefined;
    // Showing a peer counts as meeting it.
    if (event.kind === "joined" || event.kind === "confirmed") {
      trust.meet(event.peer, event.kind === "joined" && presenter.identifies(event.peer));
    }
    if (event.kind === "message") trust.hear(event.from);
    display.print(presenter.event(event), this.#shown);
    this.#own.tell(event);
    this.#attention.tell(event);
    this.#options.invitations?.tell(event);
    this.#verification.tell(event);
    if ("missed" in event && event.kind !== "reconnected") this.#delivery.miss(event.missed ?? []);
    // If the recipients are restricted, or a listed member was not admitted, a message that reaches
    // no one counts as not sent.
    const isMissed = trust.expects || trust.locked || this.#hasRefused;
    if (event.kind === "unheard" && isMissed) this.#refused += 1;
    if (event.kind === "fault" && NOT_ADMITTED.has(event.code)) this.#hasRefused = true;
    if (event.kind === "ready") {
      this.#isReady = true;
      display.mark?.("");
      this.#ready.resolve();
    } else if (event.kind === "ended") {
      // An obstacle to an earlier reconnection is not why this connection ended.
      this.#obstacles.clear();
      this.#over.resolve({ ending: event.reason, detail: event.detail });
    }
    if (event.kind === "disconnected") this.#lost(event.reason);
    else if (event.kind === "reconnected") this.#isBack();
    if (this.#leaving || PROGRESS.has(event.kind)) this.#progress.notify();
  };

  /** The session's `obstacle` callback: reports why a lost connection has not come back. */
  readonly obstacle = (failure: Failure): void => {
    if (!this.#obstacles.add(failure)) return;
    const { code, what, why } = failure;
    this.#error(code, `${what}: ${why}; still trying`);
  };

  #isBack(): void {
    clearTimeout(this.#givingUp);
    this.#obstacles.clear();
    this.#noticedItWaits = false;
  }

  /**
   * Starts the timeout for a lost connection. A person, and a listener that stays, wait without
   * limit.
   */
  #lost(ending: Ending): void {
    const { interactive, stay, giveUpMs } = this.#options;
    if (interactive || stay) return;
    clearTimeout(this.#givingUp);
    const detail = `not reconnected within ${giveUpMs} ms`;
    this.#givingUp = setTimeout(() => this.#over.resolve({ ending, detail }), giveUpMs);
  }

  /**
   * Runs until the input ends, the user leaves, the session ends or the process is stopped.
   *
   * @param joining The session, or its promise.
   * @param begun Called once events of the session can be told.
   * @returns The exit code; `moved` if the user goes on in another room.
   * @throws {Failure} If the session failed, or not everything was delivered.
   */
  async run(
    joining: Promise<Session> | Session,
    begun: () => void = () => {},
  ): Promise<number | "moved"> {
    try {
      const soonest = await Promise.race([joining, this.#over.promise]);
      // A session that the relay has ended at once told of that before it was here.
      const first = "ending" in soonest ? await joining : soonest;
      return "self" in first
        ? await this.#runIn(first, begun)
        : await this.#endBeforehand(first, Promise.resolve(joining));
    } finally {
      clearTimeout(this.#slowToJoin);
      clearTimeout(this.#givingUp);
      clearTimeout(this.#gateTimeout);
      this.#commands.stay();
    }
  }

  async #runIn(session: Session, begun: () => void): Promise<number | "moved"> {
    session.ended.catch((error) => this.#over.reject(error));
    this.#verification.begin(session);
    const { invitations } = this.#options;
    invitations?.begin(session, (error) => this.#over.reject(error));
    invitations?.gate?.opened.then(
      () => this.#sendGated(session),
      (failure) => this.#over.resolve({ failure }),
    );
    begun();
    const end = await this.#untilItEnds(session);
    if ("ending" in end) return await this.#ended(session, end);
    if ("failure" in end) return await this.#fail(session, end.failure);
    if ("moved" in end) return await this.#leaveForAnother(session);
    this.#closeRoom();
    const lost = await this.#departure.leave(session, () => this.#unsaid());
    const { failure } = this.#options.display;
    if (failure !== undefined) throw outputFailure(failure.error);
    const code = this.#stopCode ?? end.code;
    return code === 0 && lost > 0 && !this.#options.interactive ? 1 : code;
  }

  /** Leaves the room for another one. What is not delivered counts against the exit code of a program. */
  async #leaveForAnother(session: Session): Promise<"moved"> {
    const { rooms, display, presenter } = this.#options;
    this.#moves = true;
    for (const text of rooms!.parting()) display.print(presenter.notice(text));
    this.#refused += await this.#departure.leave(session, () => this.#gated.length);
    this.#refused += this.#delivery.missed;
    if (display.failure !== undefined) throw outputFailure(display.failure.error);
    return "moved";
  }

  /** Tells a person who hosts the room what leaving does to the others. */
  #closeRoom(): void {
    const { hosted, interactive, display, presenter } = this.#options;
    const others = hosted?.() ?? 0;
    if (interactive && others > 0) display.print(presenter.notice(closingText(others)));
  }

  /**
   * Waits for the end. After an error, such as unreadable input, it leaves the room and rethrows.
   */
  async #untilItEnds(session: Session): Promise<End> {
    try {
      return await Promise.race([this.#over.promise, this.#follow(session)]);
    } catch (error) {
      await this.#departure.leaveNow(session);
      throw error;
    } finally {
      this.#leaving = true;
      this.#own.stop();
      this.#attention.stop();
      this.#options.invitations?.stop();
      this.#verification.stop();
      clearTimeout(this.#slowToJoin);
    }
  }

  /** Ends before there is a session. A session that starts later is left at once. */
  async #endBeforehand(end: End, joining: Promise<Session>): Promise<number> {
    this.#leaving = true;
    joining.then((late) => late.leave(), () => {});
    if ("failure" in end) throw end.failure;
    const lines = this.#unsaid();
    if (lines > 0) this.#error("NOT_DELIVERED", `${notDelivered(lines)}: you were not in the room`);
    await this.#departure.caughtUp();
    return this.#stopCode ?? ("code" in end ? end.code : 1);
  }

  /** Fails because the relay or the connection ended the session. */
  async #ended(session: Session, end: Ended): Promise<never> {
    const failure = endedFailure(session, end, {
      wasIn: this.#isReady,
      obstacle: this.#obstacles.last,
      unsaid: this.#unsaid(),
      byInvitation: this.#options.invitations?.gate !== undefined,
    });
    session.close();
    await this.#departure.caughtUp();
    throw failure;
  }

  /** Fails because this side gave up. It leaves the room, so that its name is free at once. */
  async #fail(session: Session, failure: Failure): Promise<never> {
    const gated = this.#gated.length;
    if (gated > 0) this.#error("NOT_DELIVERED", notDelivered(gated));
    await this.#departure.leaveNow(session);
    throw failure;
  }

  async #follow(session: Session): Promise<End> {
    const { interactive, stay, giveUpMs } = this.#options;
    await this.#ready.promise;
    // A message goes to the members that have been shown. Wait until everyone present at joining is
    // shown, so that the first message reaches them. Later typed messages do not wait for
    // newcomers.
    await this.#options.display.caughtUp();
    for await (const entered of this.#input) {
      // A message is sent within this turn: each promise on its way would let the runtime do other work first.
      const taken = this.#take(session, entered);
      const end = taken instanceof Promise ? await taken : taken;
      if (end !== undefined) return end;
    }
    if (stay) return await this.#over.promise;
    if (interactive) return { code: this.#refused === 0 ? 0 : 1 };
    const failure = await this.#delivery.drain(session, giveUpMs, () => this.#obstacles.last) ??
      this.#refusal();
    return failure === undefined ? { code: 0 } : { failure };
  }

  #take(session: Session, entered: Input): Promise<End | undefined> | End | undefined {
    switch (entered.kind) {
      case "interrupt":
        return { code: 130 };
      case "end":
        return { code: 0 };
      case "long":
        this.#refuse("TEXT_TOO_LARGE", tooLong(entered.bytes));
        return undefined;
      case "line": {
        const command = this.#parse(entered.text);
        if (this.#options.interactive) return this.#run(session, command);
        this.#inHand = command.kind === "send" ? 1 : 0;
        const unsettled = this.#settle(session);
        if (unsettled === undefined) return this.#runPiped(session, command);
        return unsettled.then(() => this.#runPiped(session, command));
      }
    }
  }

  #runPiped(
    session: Session,
    command: SlashCommand,
  ): Promise<End | undefined> | End | undefined {
    // A conversation that ended meanwhile has reported this line as not delivered.
    if (this.#leaving) return { code: 0 };
    this.#inHand = 0;
    return this.#run(session, command);
  }

  /** Waits until piped messages may be sent. Unless it stays, it gives up when the inviter does not come. */
  async #untilOpen(gate: Gate): Promise<void> {
    const { stay, giveUpMs } = this.#options;
    if (!stay) {
      this.#gateTimeout = setTimeout(
        () => this.#over.resolve({ failure: notLetIn(this.#unsaid(), gate.closed!, giveUpMs) }),
        giveUpMs,
      );
    }
    // The conversation ends with a refusal.
    await gate.opened.catch(() => new Promise<never>(() => {}));
    clearTimeout(this.#gateTimeout);
  }

  /** Keeps a typed message until it may be sent. */
  #keepGated(message: SlashCommand & { readonly kind: "send" }, closed: string): void {
    const { presenter, display } = this.#options;
    this.#gated.push(message);
    display.print(presenter.notice(keptText(message.text, closed)));
  }

  /** Sends what was typed before the inviter let the user in. */
  #sendGated(session: Session): void {
    const gated = this.#gated;
    this.#gated = [];
    for (const { text, to } of gated) this.#send(session, text, to);
  }

  #run(session: Session, command: SlashCommand): Promise<End | undefined> | undefined {
    if (command.kind !== "send") return this.#runCommand(session, command);
    const closed = this.#options.invitations?.gate?.closed;
    if (closed !== undefined) this.#keepGated(command, closed);
    else this.#send(session, command.text, command.to);
    return undefined;
  }

  async #runCommand(session: Session, command: Command): Promise<End | undefined> {
    // An earlier line goes to the members that its sender meant then: /exclude does not take it back.
    if (DECISIONS.has(command.kind)) await untilAccepted(session, this.#progress);
    return await this.#commands.run(session, command);
  }

  #parse(line: string): SlashCommand {
    const { messagesOnly, interactive } = this.#options;
    return messagesOnly === true ? parseMessage(line) : parseLine(line, interactive);
  }

  /**
   * Makes a piped line wait until messages may be sent, for flow control, and until all earlier events are shown.
   * Returns undefined if it need not wait.
   */
  #settle(session: Session): Promise<void> | undefined {
    const { display, invitations } = this.#options;
    const gate = invitations?.gate;
    if (this.#inHand > 0 && gate?.closed !== undefined) {
      return this.#untilOpen(gate).then(() => this.#settle(session));
    }
    this.#members ??= session.members().length;
    if (!isFull(session.backlog(), this.#members)) return display.caughtUp();
    return this.#delivery.pace(session).then(() => display.caughtUp());
  }

  #send(session: Session, text: string, to: string | undefined): void {
    const { presenter, display } = this.#options;
    const held: MemberEvent[] = [];
    this.#held = held;
    const entered = session.send(text, to);
    this.#held = undefined;
    if (entered.ok) display.print(presenter.said(text, to, entered));
    else this.#refuse(entered.code, entered.message);
    if (entered.ok) this.#own.entered(session);
    for (const event of held) this.tell(event);
    if (entered.ok && this.#options.interactive && !session.connected) this.#noticeItWaits();
  }

  /** Tells a user who types without a connection, once, that messages wait. */
  #noticeItWaits(): void {
    if (this.#noticedItWaits) return;
    this.#noticedItWaits = true;
    this.#options.display.print(this.#options.presenter.notice(WAITS));
  }

  #error(code: string, message: string): void {
    this.#options.display.print(this.#options.presenter.error(code, message));
  }

  /** Reports an input line that could not be sent or run; it counts against the exit code. */
  #refuse(code: string, message: string): void {
    this.#error(code, message);
    this.#refused += 1;
  }

  /** Says at the end of piped input that some lines could not be sent or run. */
  #refusal(): Failure | undefined {
    return this.#refused === 0 ? undefined : refusedFailure(this.#refused);
  }
}

/** Reads typed input ahead; an input that another conversation has read ahead goes on. */
function readAhead(input: AsyncIterable<Input>): ReadAhead {
  return input instanceof ReadAhead ? input : new ReadAhead(input);
}

/** The commands that change who receives messages. */
const DECISIONS: ReadonlySet<SlashCommand["kind"]> = new Set<SlashCommand["kind"]>([
  "verify",
  "trust",
  "forget",
  "exclude",
  "include",
  "lock",
  "unlock",
  "kick",
  "ban",
]);

/** The faults of a listed member that is not admitted. */
const NOT_ADMITTED = new Set<FaultCode>(["BAD_CREDENTIAL", "CREDENTIAL_EXPIRED", "NAME_TAKEN"]);

/** The events that do not change who is in the room. */
const OF_LINES = new Set<MemberEvent["kind"]>(["sent", "delivered", "message"]);

/** The events that may change the delivery of a message. */
const PROGRESS = new Set<MemberEvent["kind"]>(
  ["sent", "delivered", "unheard", "left", "reconnected"],
);

function tooLong(bytes: number): string {
  return `a message has at most 65536 bytes (64 KiB) of UTF-8, not ${bytes}`;
}
