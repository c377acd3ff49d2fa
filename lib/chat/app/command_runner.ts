/**
 * Runs the slash commands of a conversation, and compares words or safety numbers with another member for `/verify`.
 *
 * @module
 */

import { steadyNow } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { foldName } from "../identity/name.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { Session } from "../runtime/session.ts";
import { safetyNumber } from "../trust/known_peers.ts";
import type { Decision } from "../trust/trust.ts";
import { Words, type WordsEvent } from "../trust/words.ts";
import { statusOf } from "./delivery.ts";
import { roomText } from "./peer_texts.ts";
import type { ConversationOptions, Rooms, Verdict } from "./presenter.ts";
import type { Answer, InviteCommand, PlainCommand, SlashCommand } from "./slash_commands.ts";

/** The output and the trust decisions that commands use. */
export interface CommandOptions extends
  Pick<
    ConversationOptions,
    "presenter" | "display" | "trust" | "reload" | "invitations" | "remove" | "rooms" | "local"
  > {
  /** Compares words and safety numbers. */
  readonly verification: Verification;
}

/** What the commands need from the conversation. */
export interface CommandHandlers {
  /** Returns the number of messages that wait for the person who invited the user. */
  gated(): number;
  /** Reports a command that cannot be done. */
  refuse(code: string, message: string): void;
  /** Whether the user leaves the room. */
  isLeaving?(): boolean;
}

/** How a command ends the conversation. */
export type CommandEnd =
  | { readonly code: 0 }
  /** The user goes on in another room. */
  | { readonly moved: true };

/** A command: an input line that is no message. */
export type Command = Exclude<SlashCommand, { readonly kind: "send" }>;

/** Runs commands. */
export class CommandRunner {
  readonly #options: CommandOptions;
  readonly #handlers: CommandHandlers;
  /** Ends the attempt to join another room, if there is one. */
  #entering: AbortController | undefined;

  /**
   * @param options The output and the trust decisions.
   * @param handlers The conversation.
   */
  constructor(options: CommandOptions, handlers: CommandHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /**
   * Runs a command.
   *
   * @param session The session.
   * @param command The command.
   * @returns The end of the conversation, if the command is that.
   */
  async run(session: Session, command: Command): Promise<CommandEnd | undefined> {
    if (command.kind === "quit") return { code: 0 };
    if (command.kind === "join" || command.kind === "log") return await this.#runLocally(command);
    await this.#run(session, command);
    return undefined;
  }

  #run(session: Session, command: Command): Promise<void> | void {
    const { presenter, display } = this.#options;
    switch (command.kind) {
      case "nothing":
        return;
      case "who":
        return this.#who(session);
      case "names":
        return display.print(presenter.names(session.members(), session.self));
      case "clear":
        return this.#clear();
      case "kick":
      case "ban":
        return this.#remove(session, command.kind, command.name);
      case "status":
        return display.print(presenter.status(statusOf(session, this.#handlers.gated())));
      case "more":
        return display.print(presenter.more());
      case "quiet":
        return display.print(presenter.quiet());
      case "fingerprint":
        return this.#fingerprint(session, command.name);
      case "verify":
        return this.#verify(session, command.name, command.answer);
      case "trust":
      case "forget":
      case "exclude":
      case "include":
      case "ignore":
      case "unignore":
        return this.#decide(session, command.kind, command.name);
      case "lock":
      case "unlock":
        return this.#lock(session, command.kind === "lock");
      case "invites":
      case "invite":
      case "uninvite":
        return this.#invitations(command);
      case "reload":
        return this.#reload();
      case "help":
        return display.print(presenter.help());
      case "mistake":
        return this.#handlers.refuse(command.code, command.message);
    }
  }

  /** Runs `/join` or `/log`. */
  async #runLocally(
    command: SlashCommand & { readonly kind: "join" | "log" },
  ): Promise<CommandEnd | undefined> {
    const { rooms, local } = this.#options;
    const { refuse } = this.#handlers;
    if (local === undefined) {
      refuse("NOT_HERE", "/join and /log work only at a terminal");
      return undefined;
    }
    const roomName = await local.run(command, refuse);
    return rooms && roomName !== undefined ? await this.#move(rooms, roomName) : undefined;
  }

  /**
   * Goes to another room. Until it is decided in which room the user is, what the user types waits.
   *
   * @returns Undefined if the user stays in this room.
   */
  async #move(rooms: Rooms, roomName: string): Promise<CommandEnd | undefined> {
    const { display, presenter } = this.#options;
    const [there, here] = [roomText(roomName), roomText(rooms.current)];
    if (roomName === rooms.current) {
      this.#handlers.refuse("SAME_ROOM", `you are in ${here} already`);
      return undefined;
    }
    const entering = new AbortController();
    this.#entering = entering;
    display.busy?.(`joining ${there}`);
    try {
      await rooms.enter(roomName, entering.signal);
      return { moved: true };
    } catch (error) {
      if (this.#handlers.isLeaving?.() === true) return undefined;
      if (entering.signal.aborted) display.print(presenter.notice(`you stay in ${here}`));
      else if (!(error instanceof Failure)) throw error;
      else this.#refuseMove(error, `cannot join ${there}`, `you stay in ${here}`);
      return undefined;
    } finally {
      this.#entering = undefined;
      display.busy?.(undefined);
    }
  }

  #refuseMove({ code, why, hint }: Failure, what: string, outcome: string): void {
    const { display, presenter } = this.#options;
    this.#handlers.refuse(code, `${what}: ${why}; ${outcome}`);
    if (hint !== undefined) display.print(presenter.notice(hint));
  }

  /**
   * Gives up the attempt to join another room.
   *
   * @returns Whether there was one.
   */
  stay(): boolean {
    this.#entering?.abort();
    return this.#entering !== undefined;
  }

  /** Shows the members of the room. */
  #who(session: Session): void {
    const { presenter, display, trust } = this.#options;
    for (const { credential } of others(session)) trust.show(credential);
    display.print(presenter.roster(session.members(), session.self));
  }

  /** Shows a member's fingerprint, or the user's own if no name is given. */
  async #fingerprint(session: Session, name: string | undefined): Promise<void> {
    const { presenter, display, trust } = this.#options;
    const { self } = session;
    if (name === undefined || foldName(name) === self.folded) {
      return display.print(presenter.fingerprint(self));
    }
    const peer = find(session, name);
    if (peer === undefined) {
      return display.print(presenter.error("NO_SUCH_MEMBER", noSuchMember(name)));
    }
    const { credential } = peer;
    const number = await safetyNumber(self.fingerprint, credential.fingerprint);
    const other = { standing: trust.standing(credential), safetyNumber: number };
    trust.show(credential);
    display.print(presenter.fingerprint({ ...credential, other }));
    this.#options.verification.showedNumber(peer);
  }

  /** Compares words with a member, or takes the answer. */
  #verify(session: Session, name: string, answer: Answer | undefined): void {
    const peer = find(session, name);
    const { refuse } = this.#handlers;
    if (peer !== undefined) this.#options.verification.run(peer, answer);
    else if (answer !== undefined || !/^(yes|no)$/iu.test(name)) {
      refuse("NO_SUCH_MEMBER", noSuchMember(name));
    } else refuse("COMMAND_USAGE", `say whose words you mean: /verify NAME ${name.toLowerCase()}`);
  }

  /** Applies a decision about a member. */
  #decide(session: Session, verdict: Exclude<Verdict, "verify">, name: string): void {
    const { presenter, display } = this.#options;
    const peer = find(session, name);
    const decision = this.#rule(verdict, name, peer);
    if (decision.ok) display.print(presenter.decided(verdict, name, peer));
    else this.#handlers.refuse(decision.code, decision.message);
  }

  #rule(
    verdict: Exclude<Verdict, "verify">,
    name: string,
    peer: Peer | undefined,
  ): Decision | { ok: false; code: "NO_SUCH_MEMBER"; message: string } {
    const { trust } = this.#options;
    if (verdict === "forget") return trust.forget(name);
    if (verdict === "include") return trust.include(peer?.credential.name ?? name);
    if (verdict === "unignore") return trust.unignore(peer?.credential.name ?? name);
    if (peer === undefined) {
      return { ok: false, code: "NO_SUCH_MEMBER", message: noSuchMember(name) };
    }
    if (verdict === "ignore") {
      trust.ignore(peer.credential);
      return { ok: true };
    }
    if (verdict === "trust") return trust.trust(peer.credential);
    trust.exclude(peer.credential);
    return { ok: true };
  }

  /** Restricts messages to known, invited and verified members, or lifts the restriction. */
  #lock(session: Session, locked: boolean): void {
    const { presenter, display, trust } = this.#options;
    trust.lock(locked);
    // Members met while the room was locked are not remembered yet.
    for (const peer of others(session)) trust.meet(peer, false);
    const leftOut = others(session).filter((peer) => trust.obstacle(peer) !== undefined);
    display.print(presenter.locked(locked, leftOut));
  }

  #clear(): void {
    const { display } = this.#options;
    if (display.clear !== undefined) display.clear();
    else this.#handlers.refuse("NO_SCREEN", "/clear works only on a terminal with escape codes");
  }

  /** Removes a member from the room. Its leaving, which everyone sees, follows as an event. */
  #remove(session: Session, kind: "kick" | "ban", name: string): void {
    const { presenter, display, remove } = this.#options;
    const { refuse } = this.#handlers;
    if (remove === undefined) {
      const message = `/${kind} works only for the owner of the server, in the server's own room`;
      return refuse("NOT_HOST", message);
    }
    const peer = find(session, name);
    if (peer === undefined) return refuse("NO_SUCH_MEMBER", noSuchMember(name));
    const { fingerprint, name: known } = peer.credential;
    const bans = kind === "ban";
    if (bans && fingerprint === session.self.fingerprint) {
      return refuse("OWN_KEY", `${known} has your own key: banning it would ban you`);
    }
    if (!remove(peer, bans)) return refuse("NO_SUCH_MEMBER", noSuchMember(name));
    const text = `${known} may not join this room again with its key, ${fingerprint}; ` +
      "with a new key it may: --allow FILE admits known keys only";
    if (bans) display.print(presenter.notice(text));
  }

  /** Makes, lists or withdraws invitations. */
  async #invitations(command: InviteCommand | PlainCommand): Promise<void> {
    const { presenter, display, invitations } = this.#options;
    if (invitations === undefined) {
      return this.#handlers.refuse("NO_INVITATIONS", "this chat makes no invitations");
    }
    if (command.kind === "invite") return await invitations.invite(command.many, command.hours);
    if (command.kind !== "uninvite") {
      const listed = { kind: "listed", invitations: invitations.list() } as const;
      return display.print(presenter.invitation(listed));
    }
    const { number } = command;
    if (!invitations.withdraw(number)) {
      const message = `no invitation of yours has the number ${number}: /invites lists them`;
      return this.#handlers.refuse("NO_SUCH_INVITATION", message);
    }
    display.print(presenter.invitation({ kind: "withdrawn", number }));
  }

  async #reload(): Promise<void> {
    const { reload } = this.#options;
    if (reload !== undefined) return await reload();
    const message = "/reload works only on a server started with --allow FILE";
    this.#handlers.refuse("NOTHING_TO_RELOAD", message);
  }
}

function others(session: Session): Peer[] {
  return session.members().filter(({ credential }) => credential.key !== session.self.key);
}

function find(session: Session, name: string): Peer | undefined {
  const folded = foldName(name);
  return others(session).find(({ credential }) => credential.folded === folded);
}

function noSuchMember(name: string): string {
  return `nobody else here is called ${name}`;
}

// Comparing.

/** What a comparison needs from the conversation. */
export interface VerificationHandlers {
  /** Reports a command that cannot be done. */
  refuse(code: string, message: string): void;
  /** The runtime failed. */
  fail(error: unknown): void;
}

type VerificationOptions = Pick<ConversationOptions, "presenter" | "display" | "trust" | "bell">;

/** Compares words, and remembers whose safety number was shown for comparison. */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #handlers: VerificationHandlers;
  #session: Session | undefined;
  #words: Words | undefined;
  /** The folded names of the members whose safety numbers were shown last, after any words. */
  readonly #numbers = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param options The output and the trust decisions.
   * @param handlers The conversation.
   */
  constructor(options: VerificationOptions, handlers: VerificationHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Takes the session, over which peers are answered. */
  begin(session: Session): void {
    this.#session = session;
  }

  /** Takes an event of the room. */
  tell(event: MemberEvent): void {
    if (event.kind === "admitted") this.#words = this.#start(event);
    else if (event.kind === "reconnected" && event.anew === true) this.#words?.enter(event.room);
    else if (event.kind === "left") this.#words?.left(event.peer);
    else if (event.kind === "notice" && event.notice === "words") {
      this.#words?.receive(event.peer, event.body);
    }
  }

  /** Ends every attempt. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#words = undefined;
  }

  #start({ self, room }: MemberEvent & { readonly kind: "admitted" }): Words {
    return new Words({ self, room, now: steadyNow }, {
      send: (peer, body) => this.#session?.sendNotice(peer, "words", body) ?? false,
      event: (event) => this.#told(event),
      wake: () => this.#wake(),
      fail: this.#handlers.fail,
    });
  }

  #told(event: WordsEvent): void {
    const { presenter, display, bell, trust } = this.#options;
    const { credential } = event.peer;
    // What is shown next is what an answer refers to.
    this.#numbers.delete(credential.folded);
    if (event.state === "shown") trust.offer(credential);
    if (event.state === "asked" && event.by === "peer" && bell !== "none") display.notify?.(true);
    display.print(presenter.words(event));
  }

  /** Sets the timer to the time at which an attempt ends by itself. */
  #wake(): void {
    clearTimeout(this.#timer);
    const at = this.#words?.wakeAt ?? Infinity;
    if (at === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#words?.tick();
      this.#wake();
    }, Math.max(0, at - steadyNow()));
  }

  // What the person does.

  /** Records that the safety number of a member was shown. */
  showedNumber({ credential }: Peer): void {
    this.#numbers.add(credential.folded);
  }

  /**
   * Runs `/verify`: begins to compare words, or takes the answer to what was shown.
   *
   * @param peer The member.
   * @param answer The answer; undefined to begin.
   */
  run(peer: Peer, answer: Answer | undefined): void {
    if (answer === "yes") this.#confirm(peer);
    else if (answer === "no") this.#refuse(peer);
    else this.#ask(peer);
  }

  #ask(peer: Peer): void {
    const decision = this.#options.trust.compare(peer.credential);
    if (decision.ok) this.#words?.begin(peer);
    else this.#handlers.refuse(decision.code, decision.message);
  }

  #confirm(peer: Peer): void {
    const { presenter, display, trust } = this.#options;
    const { name, folded } = peer.credential;
    if (this.#words?.isShown(peer) !== true && !this.#numbers.has(folded)) {
      return this.#nothing(name);
    }
    const decision = trust.verify(peer.credential);
    if (!decision.ok) return this.#handlers.refuse(decision.code, decision.message);
    display.print(presenter.decided("verify", name, peer));
    this.#words?.confirm(peer);
  }

  #refuse(peer: Peer): void {
    const { presenter, display } = this.#options;
    const { name, folded } = peer.credential;
    if (this.#words?.refuse(peer) === true) return;
    if (!this.#numbers.delete(folded)) return this.#nothing(name);
    const none = { words: undefined, confirmed: false, both: false, why: undefined };
    display.print(presenter.words({ peer, state: "differ", by: "self", ...none }));
  }

  #nothing(name: string): void {
    const message =
      `nothing of ${name} is shown for you to compare: run /verify ${name} for words, ` +
      `or /fingerprint ${name} for the safety number`;
    this.#handlers.refuse("NOTHING_TO_COMPARE", message);
  }
}
