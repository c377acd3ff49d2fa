/**
 * Comparing words or safety numbers with another member: the command `/verify`, and what it tells.
 *
 * @module
 */

import { steadyNow } from "../../base/clock.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { Session } from "../runtime/session.ts";
import { SHOWN_MS, Words, type WordsEvent } from "../trust/words.ts";
import type { ConversationOptions } from "./presenter.ts";

/** What a person answers to a comparison: `/verify NAME yes`. */
export type Answer = "yes" | "no";

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

  /** The session has begun: peers can be answered. */
  begin(session: Session): void {
    this.#session = session;
  }

  /** Something has happened in the room. */
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

  /** The safety number of a member was shown. */
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

/** What a person is told about words: a few lines, and whether they are an alarm. */
export interface WordsText {
  readonly lines: readonly string[];
  readonly alarm: boolean;
}

/** Describes what happened to words, for people. */
export function wordsText(event: WordsEvent): WordsText {
  const { peer: { credential: { name } }, state, by } = event;
  switch (state) {
    case "asked":
      return note(
        by === "self"
          ? `asking ${name} for words to compare …`
          : `${name} wants to compare words with you, so that you can be sure of each other`,
      );
    case "shown":
      return note(
        `the words of you and ${name} are`,
        `    ${event.words!.join("  ")}`,
        `compare them with ${name} by phone or in person, not in this chat`,
        event.confirmed
          ? `you have confirmed them`
          : `the same: /verify ${name} yes   not the same: /verify ${name} no`,
      );
    case "confirmed":
      return note(confirmedText(event));
    case "differ":
      return { alarm: true, lines: differText(event) };
    case "ended":
      return endText(event);
  }
}

function note(...lines: readonly string[]): WordsText {
  return { alarm: false, lines };
}

function confirmedText({ peer: { credential: { name } }, by, both }: WordsEvent): string {
  if (both) return `you and ${name} have both confirmed the words`;
  return by === "self"
    ? `${name} has not confirmed the words yet`
    : `${name} has confirmed the words; if you see the same ones: /verify ${name} yes`;
}

function differText({ peer: { credential: { name } }, by, words, confirmed }: WordsEvent) {
  const what = by === "peer"
    ? `${name} SAYS THAT THE WORDS DIFFER`
    : `THE ${words === undefined ? "SAFETY NUMBERS" : "WORDS"} OF YOU AND ${name} DIFFER`;
  const undo = confirmed ? `, /forget ${name} undoes your confirmation` : "";
  return [
    `${what}: someone may be between you, and read what you write to each other.`,
    `Write nothing secret here. If one of you may have misread, try once more: /verify ${name}`,
    `If they differ again, meet elsewhere: /exclude ${name} stops your messages to it${undo}`,
  ];
}

function endText(event: WordsEvent): WordsText {
  const { name } = event.peer.credential;
  const instead = `compare the safety number instead: /fingerprint ${name}`;
  switch (event.why!) {
    case "unanswered":
      return note(
        `${name} does not answer: it is away, or you have asked it too often`,
        instead,
      );
    case "unsent":
      return note(`${name} cannot be asked now; ${instead}`);
    case "forged":
      return {
        alarm: true,
        lines: [
          `THE PROGRAM OF ${name} CHEATS: it has revealed another number than the one it had fixed before,`,
          `with which it could choose the words itself. There are no words. Do not trust this ${name}.`,
        ],
      };
    case "unfinished":
      return {
        alarm: true,
        lines: [
          `${name} has begun to compare words and does not go on: there are no words. If that happens ` +
          `again and again, someone may be guessing them.`,
        ],
      };
    case "expired":
      return note(`${outcome(event)}: ${SHOWN_MS / 60_000} minutes are over`);
    case "again":
      return note(`${outcome(event)}: ${name} begins again`);
    case "given up":
      return note(
        `${outcome(event)}: ${event.by === "self" ? "you have" : `${name} has`} given up`,
      );
    case "left":
      return note(`${outcome(event)}: ${name} has left`);
    case "stay":
      return note(`${outcome(event)}: you have joined anew`);
  }
}

/** Says what is left of an attempt that ended. */
function outcome({ peer: { credential: { name } }, words, confirmed }: WordsEvent): string {
  if (confirmed) return `${name} has not confirmed the words`;
  return words === undefined
    ? `there are no words of you and ${name}`
    : `the words of you and ${name} no longer count`;
}
