/**
 * Runs parsed input lines: sends messages, and executes the slash commands.
 *
 * @module
 */

import { foldName } from "../identity/name.ts";
import type { Peer } from "../member/roster.ts";
import type { Session } from "../runtime/session.ts";
import { safetyNumber } from "../trust/known_peers.ts";
import type { Decision, Trust } from "../trust/trust.ts";
import type { Display, Presenter } from "./presenter.ts";
import type { SlashCommand, Verdict } from "./slash_commands.ts";

/** The output and the trust decisions that commands use. */
export interface CommandOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly trust: Trust;
  /** Reloads a server's allow list and reports the result; undefined if there is none. */
  readonly reload?: (() => Promise<void>) | undefined;
}

/** What the commands need from the conversation. */
export interface CommandHandlers {
  /** Sends a message to everyone, or to one member. */
  send(session: Session, text: string, to: string | undefined): void;
  /** Reports a command that cannot be done. */
  refuse(code: string, message: string): void;
}

/** Runs parsed input lines. */
export class CommandRunner {
  readonly #options: CommandOptions;
  readonly #handlers: CommandHandlers;

  /**
   * @param options The output and the trust decisions.
   * @param handlers The conversation.
   */
  constructor(options: CommandOptions, handlers: CommandHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /**
   * Runs one parsed line.
   *
   * @param session The session.
   * @param command The parsed line.
   * @returns The exit code if the user leaves, otherwise undefined.
   */
  async run(session: Session, command: SlashCommand): Promise<{ readonly code: 0 } | undefined> {
    const { presenter, display } = this.#options;
    switch (command.kind) {
      case "nothing":
        return undefined;
      case "send":
        this.#handlers.send(session, command.text, command.to);
        return undefined;
      case "who":
        this.#who(session);
        return undefined;
      case "fingerprint":
        await this.#fingerprint(session, command.name);
        return undefined;
      case "verify":
      case "trust":
      case "forget":
      case "exclude":
      case "include":
        this.#decide(session, command.kind, command.name);
        return undefined;
      case "lock":
      case "unlock":
        this.#lock(session, command.kind === "lock");
        return undefined;
      case "reload":
        await this.#reload();
        return undefined;
      case "help":
        display.print(presenter.help());
        return undefined;
      case "mistake":
        this.#handlers.refuse(command.code, command.message);
        return undefined;
      case "quit":
        return { code: 0 };
    }
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
  }

  /** Applies a decision about a member. */
  #decide(session: Session, verdict: Verdict, name: string): void {
    const { presenter, display } = this.#options;
    const peer = find(session, name);
    const decision = this.#rule(verdict, name, peer);
    if (decision.ok) display.print(presenter.decided(verdict, name, peer));
    else this.#handlers.refuse(decision.code, decision.message);
  }

  #rule(
    verdict: Verdict,
    name: string,
    peer: Peer | undefined,
  ): Decision | { ok: false; code: "NO_SUCH_MEMBER"; message: string } {
    const { trust } = this.#options;
    if (verdict === "forget") return trust.forget(name);
    if (verdict === "include") return trust.include(peer?.credential.name ?? name);
    if (peer === undefined) {
      return { ok: false, code: "NO_SUCH_MEMBER", message: noSuchMember(name) };
    }
    if (verdict === "trust") return trust.trust(peer.credential);
    if (verdict === "verify") return trust.verify(peer.credential);
    trust.exclude(peer.credential);
    return { ok: true };
  }

  /** Restricts messages to known and verified members, or lifts the restriction. */
  #lock(session: Session, locked: boolean): void {
    const { presenter, display, trust } = this.#options;
    trust.lock(locked);
    // Members met while the room was locked are not remembered yet.
    for (const peer of others(session)) trust.meet(peer);
    const leftOut = others(session).filter((peer) => trust.obstacle(peer) !== undefined);
    display.print(presenter.locked(locked, leftOut));
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
  return `no other member is named ${name}`;
}
