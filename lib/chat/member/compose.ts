/**
 * Turns what a person enters into a line: bounded, addressed and numbered, or refused with the reason.
 *
 * @module
 */

import { utf8 } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { foldName } from "../identity/name.ts";
import { MAX_TEXT_BYTES, messageIds, STREAM } from "../wire/content.ts";
import type { Line } from "./deliveries.ts";
import type { Entered, RefusalCode } from "./options.ts";
import type { Peer, Policy } from "./roster.ts";

/** The surroundings in which a line is entered. */
export interface Setting {
  /** Whether the member is, or was, in a room. */
  readonly inRoom: boolean;
  /** The version of the room that has been displayed; 0 if its roster has not been. */
  readonly version: number;
  /** Everyone that this member takes to be there. */
  readonly peers: readonly Peer[];
  /** Returns whether the person has been shown that a member, given by its hash as a map key, is there. */
  readonly isDisplayed: (key: string) => boolean;
  /** The number of the next line to the group. */
  readonly nextNumber: number;
  /** Returns the number of the next private line to a member, given by its hash as a map key. */
  readonly nextPrivate: (key: string) => number;
}

/** A line, or why it is not sent. */
export type Composed = { readonly ok: true; readonly line: Line } | Extract<Entered, { ok: false }>;

/** Makes the lines of one member. */
export class Composer {
  readonly #self: OwnCredential;
  readonly #policy: Policy;
  /** The time of day, for people. */
  readonly #date: () => number;
  /** Makes the ids of lines to the group. */
  readonly #idOf: (number: number) => string;
  /** Whether a roster has been displayed, in this room or an earlier one. */
  #seated = false;
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
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the recipient of a private line; undefined for the group.
   * @param setting The surroundings.
   */
  compose(text: string, to: string | undefined, setting: Setting): Composed {
    const bytes = utf8(text);
    if (bytes.length === 0) return refusal("TEXT_EMPTY", "there is no text to send");
    if (bytes.length > MAX_TEXT_BYTES) {
      const bound = `at most ${MAX_TEXT_BYTES} bytes (64 KiB) of UTF-8, not ${bytes.length}`;
      return refusal("TEXT_TOO_LARGE", `a message has ${bound}`);
    }
    const { inRoom, version, peers } = setting;
    this.#seated ||= version > 0;
    if (!inRoom || !this.#seated) {
      return refusal("NOT_JOINED", "this member is not in the room");
    }
    const peer = to === undefined ? undefined : byName(peers, foldName(to));
    if (peer?.credential.key === this.#self.key) {
      return refusal("TO_SELF", "a private message goes to somebody else");
    }
    // Somebody else may have taken the name a moment before Enter.
    const isThere = peer !== undefined && setting.isDisplayed(peer.credential.key);
    if (to !== undefined && !isThere) {
      return refusal("NO_SUCH_MEMBER", `nobody here is called ${to}`);
    }
    const obstacle = peer === undefined ? undefined : this.#policy.obstacle(peer);
    if (obstacle !== undefined) return refusal("EXCLUDED", `${to} ${obstacle}`);
    return { ok: true, line: this.#line(bytes, text, peer, setting) };
  }

  #line(bytes: Line["text"], text: string, to: Peer | undefined, setting: Setting): Line {
    const { nextNumber, nextPrivate, version, peers } = setting;
    const number = to === undefined ? nextNumber : nextPrivate(to.credential.key);
    const idOf = to ? messageIds(this.#self.member, to.credential.member) : this.#idOf;
    return {
      id: idOf(number),
      stream: to === undefined ? STREAM.group : STREAM.private,
      number,
      time: this.#date(),
      text: bytes,
      shown: text,
      to,
      version,
      leftOut: this.#leftOutOf(peers),
    };
  }

  /** Returns the members that the policy keeps from reading now: the same set as long as they are the same. */
  #leftOutOf(peers: readonly Peer[]): ReadonlySet<string> {
    const kept = peers.filter((peer) => this.#policy.obstacle(peer) !== undefined);
    if (kept.length === 0 && this.#leftOut.size === 0) return this.#leftOut;
    const keys = new Set(kept.map(({ credential }) => credential.key));
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
