/**
 * The members of a room as one of them knows it, and the decisions of that member's person about them.
 *
 * @module
 */

import { type Bytes, sha256 } from "../../base/bytes.ts";
import { type Credential, CredentialError } from "../identity/credential.ts";
import { Registry } from "../identity/name.ts";
import { verify } from "../identity/signing.ts";
import type { Listing } from "../wire/control.ts";
import {
  type LeaveStatement,
  readLeavePayload,
  RosterHistory,
  statementAt,
} from "../wire/history.ts";

/** A member of the room. */
export interface Peer {
  /** The version of the room that its joining made. On the wire it stands for the member. */
  readonly number: number;
  /** Its credential, which was verified. */
  readonly credential: Credential;
  /** Whether a frame that it authenticated for this room's present history has come. */
  confirmed: boolean;
  /** Whether its connection is lost, or it does not read. It may come back. */
  away: boolean;
}

/** A listing that has been checked. */
export interface Candidate {
  readonly number: number;
  /** The member's hash. */
  readonly member: Bytes;
  /** The credential, or why it is refused. */
  readonly checked: Credential | CredentialError;
}

/** Checks a listing. Never rejects. */
export async function checkListing(
  { number, credential, renewal }: Listing,
  check: (bytes: Bytes, renewal: Bytes) => Promise<Credential>,
): Promise<Candidate> {
  const bytes = credential.slice();
  try {
    const checked = await check(bytes, renewal.slice());
    return { number, member: checked.member, checked };
  } catch (error) {
    const checked = error instanceof CredentialError
      ? error
      : new CredentialError("BAD_CREDENTIAL", `checking it failed: ${error}`);
    return { number, member: await sha256(bytes), checked };
  }
}

/** The roster of a room. */
export class Roster extends Registry<Peer> {
  readonly #byNumber = new Map<number, Peer>();
  /** The hashes of all listed members by number, refused ones included. */
  readonly #listed = new Map<number, Bytes>();
  /** Newcomers that have the name of an unconfirmed member, by number. They wait until one of the two is confirmed. */
  readonly waiting = new Map<number, Peer>();
  #history: RosterHistory | undefined;
  #own = 0;

  /** The version of the room; 0 before {@linkcode begin}. */
  get version(): number {
    return this.#history?.version ?? 0;
  }

  /** The contexts of the room's versions. */
  get history(): RosterHistory {
    return this.#history!;
  }

  /** One's own number; 0 before {@linkcode begin}. */
  get own(): number {
    return this.#own;
  }

  /** Returns the accepted member with a number. */
  byNumber(number: number): Peer | undefined {
    return this.#byNumber.get(number);
  }

  /**
   * Starts with one's own joining.
   *
   * @param room The room's id.
   * @param context The context of the version before one's own joining.
   * @param listed The hashes of all listed members by number, refused ones included, without oneself.
   * @param self Oneself.
   */
  begin(room: Bytes, context: Bytes, listed: ReadonlyMap<number, Bytes>, self: Peer): void {
    this.#own = self.number;
    for (const [number, hash] of listed) this.#listed.set(number, hash);
    const members = [...listed.values()];
    this.#history = new RosterHistory({ room, version: self.number - 1, context, members });
    this.joined(self.number, self.credential.member);
    this.add(self);
  }

  override add(peer: Peer): void {
    super.add(peer);
    this.#byNumber.set(peer.number, peer);
  }

  override remove(peer: Peer): void {
    super.remove(peer);
    this.#byNumber.delete(peer.number);
  }

  /** Adds a joining to the history. The caller adds the peer if it accepts it. */
  joined(number: number, member: Bytes): void {
    this.#listed.set(number, member);
    this.history.add("joined", member);
  }

  /**
   * Adds a leaving to the history. The caller removes the peer if it had accepted it.
   *
   * @returns Whether the number was listed.
   */
  left(number: number): boolean {
    const member = this.#listed.get(number);
    if (member === undefined) return false;
    this.#listed.delete(number);
    this.waiting.delete(number);
    this.history.add("left", member);
    return true;
  }

  /** Returns whether the payload of a peer's `leave` shows that it signed its leaving, at a version that both knew. */
  async isLeaving(peer: Peer, payload: Bytes): Promise<boolean> {
    const statement = readLeavePayload(payload);
    if (statement === undefined) return false;
    if (this.isBefore(statement.version, peer)) return false;
    const context = await this.history.when(statement.version);
    return context !== undefined && await this.hasSigned(peer, "leave", statement, context);
  }

  /** Returns whether a peer has signed its `leave` or `here`, at a version with a context. */
  hasSigned(
    { credential: { member, signing } }: Peer,
    use: "leave" | "here",
    { version, signature }: LeaveStatement,
    context: Bytes,
  ): Promise<boolean> {
    const place = { room: this.history.room, member, version, context };
    return verify(signing, signature, statementAt(use, place));
  }

  /** Returns whether a version is from before the joining of a peer or one's own. */
  isBefore(version: number, peer: Peer): boolean {
    return version < Math.max(peer.number, this.#own);
  }
}

/** Decides about peers. A member asks it for every frame, so a decision applies from the next frame on. */
export interface Policy {
  /** Returns why a peer is given no keys, in words that follow its name; undefined if it may read. */
  obstacle(peer: Peer): string | undefined;
  /** Returns whether the messages of a peer are withheld from the person. */
  hides(peer: Peer): boolean;
  /** Returns whether a peer may be sent notices. Without this method, every peer that gets keys may. */
  mayNotify?(peer: Peer): boolean;
  /** Returns whether a peer that gets no keys is told so, because its key is not the known one; false by default. */
  mistrusts?(peer: Peer): boolean;
}

/** The policy that lets everyone read and be read. */
export const EVERYONE: Policy = { obstacle: () => undefined, hides: () => false };
