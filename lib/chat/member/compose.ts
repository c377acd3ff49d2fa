/**
 * What a person enters becomes a line: bounded, addressed, numbered, or refused with the reason.
 *
 * To whom it goes is fixed here: to one by name, and to nobody whom the policy keeps from reading at this
 * moment.
 *
 * @module
 */

import { utf8 } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { foldName } from "../identity/name.ts";
import { MAX_TEXT_BYTES, messageIds } from "../wire/envelope.ts";
import type { Entered, RefusalCode } from "./options.ts";
import type { Peer, Policy } from "./roster.ts";
import type { Line } from "./undelivered.ts";

/** Who is there as a line is entered. */
export interface Setting {
  /** Whether there is a room to say it in. */
  readonly inRoom: boolean;
  /** The membership number that has been displayed; 0 where the room's roster has not been. */
  readonly newest: number;
  /** Everybody whom this member takes to be there. */
  readonly peers: readonly Peer[];
}

/** A line, or why it is not sent. */
export type Composed = { readonly ok: true; readonly line: Line } | Extract<Entered, { ok: false }>;

/** Makes the lines of one member. */
export class Composer {
  readonly #self: OwnCredential;
  readonly #policy: Policy;
  /** The time of day, for people. */
  readonly #date: () => number;
  readonly #idOf: (number: number) => string;
  /** Whether a roster has been displayed, in this room or one before. */
  #seated = false;
  #entered = 0;
  #leftOut: ReadonlySet<string> = new Set();

  /**
   * Starts with nothing entered.
   *
   * @param self Who speaks.
   * @param policy Whom it lets read.
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, policy: Policy, date: () => number) {
    this.#self = self;
    this.#policy = policy;
    this.#date = date;
    this.#idOf = messageIds(self.member);
  }

  /**
   * Makes a line of what a person entered.
   *
   * @param text What to say, 1 byte to 64 KiB of UTF-8.
   * @param to The name of the one to say it to; everyone without.
   * @param setting Who is there.
   */
  compose(text: string, to: string | undefined, setting: Setting): Composed {
    const bytes = utf8(text);
    if (bytes.length === 0) return refusal("TEXT_EMPTY", "there is no text to send");
    if (bytes.length > MAX_TEXT_BYTES) {
      const bound = `at most ${MAX_TEXT_BYTES} bytes (64 KiB) of UTF-8, not ${bytes.length}`;
      return refusal("TEXT_TOO_LARGE", `a message has ${bound}`);
    }
    const { inRoom, newest, peers } = setting;
    this.#seated ||= newest > 0;
    if (!inRoom || !this.#seated) {
      return refusal("NOT_JOINED", "this member is not in the room");
    }
    const peer = to === undefined ? undefined : byName(peers, foldName(to));
    if (to !== undefined && peer === undefined) {
      return refusal("NO_SUCH_MEMBER", `nobody here is called ${to}`);
    }
    if (peer?.credential.key === this.#self.key) {
      return refusal("TO_SELF", "a private message goes to somebody else");
    }
    const obstacle = peer === undefined ? undefined : this.#policy.obstacle(peer);
    if (obstacle !== undefined) return refusal("EXCLUDED", `${to} ${obstacle}`);
    const number = ++this.#entered;
    const id = this.#idOf(number);
    const time = this.#date();
    const leftOut = this.#leftOutOf(peers);
    return {
      ok: true,
      line: { id, number, time, text: bytes, shown: text, to: peer, newest, leftOut },
    };
  }

  /** Whom the policy keeps from reading now: the same set while it is the same people. */
  #leftOutOf(peers: readonly Peer[]): ReadonlySet<string> {
    const keys = new Set(
      peers.filter((peer) => this.#policy.obstacle(peer) !== undefined)
        .map(({ credential }) => credential.key),
    );
    const isSame = keys.size === this.#leftOut.size && keys.isSubsetOf(this.#leftOut);
    if (!isSame) this.#leftOut = keys;
    return this.#leftOut;
  }
}

function byName(peers: readonly Peer[], folded: string): Peer | undefined {
  return peers.find(({ credential }) => credential.folded === folded);
}

function refusal(code: RefusalCode, message: string): Composed {
  return { ok: false, code, message };
}
