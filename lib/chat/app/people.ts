/**
 * The commands of the chat that are about people: who is here, who somebody is, and who may read.
 *
 * @module
 */

import { foldName } from "../identity/name.ts";
import type { Peer } from "../member/roster.ts";
import type { Session } from "../runtime/session.ts";
import { safetyNumber } from "../trust/safety_number.ts";
import type { Decision, Trust } from "../trust/trust.ts";
import type { Display, Presenter } from "./presenter.ts";
import type { Verdict } from "./slash_commands.ts";

/** What the commands show, and decide by. */
export interface PeopleOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  readonly trust: Trust;
}

/** The commands about people. */
export class People {
  readonly #options: PeopleOptions;
  readonly #refuse: (code: string, message: string) => void;

  /**
   * @param options What the commands show, and decide by.
   * @param refuse Hears of a command that cannot be done.
   */
  constructor(options: PeopleOptions, refuse: (code: string, message: string) => void) {
    this.#options = options;
    this.#refuse = refuse;
  }

  /** Shows who is here. */
  who(session: Session): void {
    const { presenter, display, trust } = this.#options;
    for (const { credential } of others(session)) trust.show(credential);
    display.print(presenter.roster(session.members(), session.self));
  }

  /**
   * Shows a fingerprint.
   *
   * @param name Whose; one's own without.
   */
  async fingerprint(session: Session, name: string | undefined): Promise<void> {
    const { presenter, display, trust } = this.#options;
    const { self } = session;
    if (name === undefined || foldName(name) === self.folded) {
      return display.print(presenter.fingerprint(self));
    }
    const peer = find(session, name);
    if (peer === undefined) {
      return display.print(presenter.error("NO_SUCH_MEMBER", nobody(name)));
    }
    const { credential } = peer;
    const number = await safetyNumber(self.fingerprint, credential.fingerprint);
    const other = { standing: trust.standing(credential), safetyNumber: number };
    trust.show(credential);
    display.print(presenter.fingerprint({ ...credential, other }));
  }

  /** Decides about somebody. */
  decide(session: Session, verdict: Verdict, name: string): void {
    const { presenter, display } = this.#options;
    const peer = find(session, name);
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

  /** Locks what is said to known and verified members, or to nobody in particular. */
  lock(session: Session, locked: boolean): void {
    const { presenter, display, trust } = this.#options;
    trust.lock(locked);
    // Who was met while the room was locked was not remembered.
    for (const peer of others(session)) trust.meet(peer);
    const leftOut = others(session).filter((peer) => trust.obstacle(peer) !== undefined);
    display.print(presenter.locked(locked, leftOut));
  }
}

function others(session: Session): Peer[] {
  return session.members().filter(({ credential }) => credential.key !== session.self.key);
}

function find(session: Session, name: string): Peer | undefined {
  const folded = foldName(name);
  return others(session).find(({ credential }) => credential.folded === folded);
}

function nobody(name: string): string {
  return `nobody else here is called ${name}`;
}
