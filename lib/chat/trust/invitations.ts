/**
 * Both sides of an invitation, without I/O: the inviter, who makes invitations and answers proofs, and the guest, who
 * proves to the inviter that it has the link.
 *
 * @module
 */

import { type Bytes, MalformedError, mapKey, sameBytes, secureRandom } from "../../base/bytes.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import {
  encodeInvitationNotice,
  type Invitation,
  INVITATION_SECRET_BYTES,
  type InvitationAnswer,
  type InvitationNotice,
  inviterOf,
  inviterStatement,
  openInvitation,
  readInvitationNotice,
  signProof,
  verifyProof,
} from "../wire/invitation.ts";

/** How long an invitation lasts by default, in milliseconds. */
export const INVITATION_LIFE_MS = 24 * 60 * 60 * 1000;
/** The most invitations that an inviter keeps. A new one replaces the oldest one that is over. */
export const MAX_INVITATIONS = 256;
/** The most guests of one invitation. */
export const MAX_GUESTS = 1024;

/** Somebody who has used an invitation. */
export interface Guest {
  /** The name under which it used it first. */
  readonly name: string;
  /** The fingerprint of its identity. */
  readonly fingerprint: string;
}

/** An invitation that was made. */
export interface MadeInvitation {
  /** Counts invitations from 1. */
  readonly number: number;
  /** The name of the room. */
  readonly room: string;
  /** The secret, for the link. */
  readonly secret: Bytes;
  /** The public key of the invitation, 32 bytes. */
  readonly publicKey: Bytes;
  /** When it ends for those who have not used it, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Whether more than one identity may use it. */
  readonly many: boolean;
  /** The guests that have used it, one for each identity. */
  readonly guests: readonly Guest[];
  /** Whether it was withdrawn. */
  readonly withdrawn: boolean;
}

/** The outcome of a guest's proof. */
export type ProofOutcome =
  /** The guest is invited. `again` says that its identity has proved it before. */
  | { readonly kind: "accepted"; readonly invitation: MadeInvitation; readonly again: boolean }
  /** The invitation is for one, and another identity has used it: somebody else has the link. */
  | { readonly kind: "used"; readonly invitation: MadeInvitation; readonly by: Guest }
  /** The invitation has expired or was withdrawn, or this run has not made it. */
  | { readonly kind: "over"; readonly invitation: MadeInvitation | undefined }
  /** The signature is not by the invitation's key, or for another room, inviter or guest. It is not answered. */
  | { readonly kind: "forged"; readonly invitation: MadeInvitation };

/** An invitation as it is kept. */
interface Kept extends MadeInvitation {
  guests: Guest[];
  withdrawn: boolean;
  /** The fingerprints of the guests that have proved it to this member. */
  readonly proven: Set<string>;
}

/** What an inviter needs. */
export interface InvitationsOptions {
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** Where secrets come from; the runtime's secure source by default. */
  readonly random?: (length: number) => Bytes;
}

/**
 * The invitations that this member has made.
 *
 * A relay in the same process may ask {@linkcode Invitations.admits}: this is its option `invitations`. An identity
 * that one of the two binds is bound for both.
 */
export class Invitations {
  readonly #now: () => number;
  readonly #random: (length: number) => Bytes;
  /** By public key as a map key, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  /** The fingerprints of all guests. */
  readonly #admitted = new Set<string>();
  #made = 0;

  /** Starts without invitations. */
  constructor({ now = Date.now, random = secureRandom }: InvitationsOptions = {}) {
    this.#now = now;
    this.#random = random;
  }

  /**
   * Makes an invitation.
   *
   * @param options The name of the room, how long it lasts, and whether more than one identity may use it.
   * @returns The invitation; undefined if there are {@linkcode MAX_INVITATIONS} that are not over.
   */
  async make(
    { room, lifeMs = INVITATION_LIFE_MS, many = false }: {
      readonly room: string;
      readonly lifeMs?: number;
      readonly many?: boolean;
    },
  ): Promise<MadeInvitation | undefined> {
    const { secret, publicKey } = await openInvitation(this.#random(INVITATION_SECRET_BYTES));
    if (!this.#makeRoom()) return undefined;
    const kept: Kept = {
      number: ++this.#made,
      room,
      secret,
      publicKey,
      expiresAt: this.#now() + lifeMs,
      many,
      guests: [],
      withdrawn: false,
      proven: new Set(),
    };
    this.#kept.set(mapKey(publicKey), kept);
    return kept;
  }

  #makeRoom(): boolean {
    if (this.#kept.size < MAX_INVITATIONS) return true;
    for (const [key, kept] of this.#kept) {
      if (this.#isOver(kept)) return this.#kept.delete(key);
    }
    return false;
  }

  #isOver({ withdrawn, expiresAt }: Kept): boolean {
    return withdrawn || this.#now() >= expiresAt;
  }

  /** Returns the invitations that are neither withdrawn nor expired, the oldest first. */
  list(): MadeInvitation[] {
    return [...this.#kept.values()].filter((one) => !this.#isOver(one));
  }

  /**
   * Withdraws an invitation: it accepts nobody any more, not even its guests. Guests that it has accepted stay invited.
   *
   * @returns Whether there is one with that number that is not over.
   */
  withdraw(number: number): boolean {
    const kept = this.#kept.values().find((one) => one.number === number);
    if (kept === undefined || this.#isOver(kept)) return false;
    kept.withdrawn = true;
    return true;
  }

  /**
   * Takes the body of a notice of invitations that a peer has sent.
   *
   * @param from The peer.
   * @param body The body.
   * @param at The room's id, and this member's hash.
   * @returns The outcome, and the body of the notice to answer with; undefined if the body is not a proof.
   */
  async take(
    from: Peer,
    body: Bytes,
    at: { readonly room: Bytes; readonly self: Bytes },
  ): Promise<{ readonly outcome: ProofOutcome; readonly answer: Bytes | undefined } | undefined> {
    const notice = readNotice(body);
    if (notice?.kind !== "proof") return undefined;
    const { proof } = notice;
    const { member, name, fingerprint } = from.credential;
    const kept = this.#kept.get(mapKey(proof.publicKey));
    const place = { room: at.room, inviter: at.self, guest: member };
    if (kept !== undefined && !await verifyProof(proof, inviterStatement(place))) {
      return { outcome: { kind: "forged", invitation: kept }, answer: undefined };
    }
    // Nothing is awaited from here on: of two who use an invitation at the same time, one is the first.
    const outcome = this.#outcomeOf(kept, { name, fingerprint });
    const { publicKey } = proof;
    return {
      outcome,
      answer: encodeInvitationNotice({ kind: "answer", publicKey, answer: outcome.kind }),
    };
  }

  #outcomeOf(
    kept: Kept | undefined,
    guest: Guest,
  ): ProofOutcome & { readonly kind: InvitationAnswer } {
    if (kept === undefined) return { kind: "over", invitation: undefined };
    const use = this.#use(kept, guest);
    if (use === "over") return { kind: "over", invitation: kept };
    if (use === "used") return { kind: "used", invitation: kept, by: kept.guests[0]! };
    const again = kept.proven.has(guest.fingerprint);
    kept.proven.add(guest.fingerprint);
    return { kind: "accepted", invitation: kept, again };
  }

  /**
   * Returns what an invitation is to somebody. The first identity that uses one that is for one is bound to it, and may
   * use it again after it has expired, until it is withdrawn: a guest that lost its connection for long comes back.
   */
  #useOf(kept: Kept, { fingerprint }: Guest): "bound" | "free" | "used" | "over" {
    if (kept.withdrawn) return "over";
    if (kept.guests.some((guest) => guest.fingerprint === fingerprint)) return "bound";
    if (this.#isOver(kept)) return "over";
    return kept.guests.length >= (kept.many ? MAX_GUESTS : 1) ? "used" : "free";
  }

  /** Uses an invitation, and binds it to somebody for whom it is free. */
  #use(kept: Kept, guest: Guest): "bound" | "used" | "over" {
    const use = this.#useOf(kept, guest);
    if (use !== "free") return use;
    kept.guests.push(guest);
    this.#admitted.add(guest.fingerprint);
    return "bound";
  }

  // For a relay in this process.

  /**
   * Returns whether a relay may admit somebody by an invitation. It binds no identity: the relay may refuse the join
   * for another reason, and a guest who tries again may have another identity.
   *
   * @param publicKey The invitation's public key. The relay has verified the signature of the guest's proof.
   * @param guest Who wants to join.
   * @param room The name of the room.
   * @returns Whether the guest may be admitted; `used` if another identity has used the invitation.
   */
  admits(publicKey: Bytes, guest: Guest, room: string): "admitted" | "used" | "no" {
    const kept = this.#kept.get(mapKey(publicKey));
    if (kept === undefined || kept.room !== room) return "no";
    const use = this.#useOf(kept, guest);
    return use === "over" ? "no" : use === "used" ? "used" : "admitted";
  }

  /**
   * Binds an invitation to somebody who has joined by it at a relay.
   *
   * @param publicKey The invitation's public key.
   * @param guest Who has joined.
   * @param room The name of the room.
   */
  joined(publicKey: Bytes, { name, fingerprint }: Guest, room: string): void {
    const kept = this.#kept.get(mapKey(publicKey));
    if (kept?.room === room) this.#use(kept, { name, fingerprint });
  }

  /** Returns whether an identity has used an invitation in this run, so that it may stay in the room. */
  hasAdmitted(fingerprint: string): boolean {
    return this.#admitted.has(fingerprint);
  }
}

/** Reads the body of a notice; undefined if it is malformed or of a kind that is not known. */
function readNotice(body: Bytes): InvitationNotice | undefined {
  try {
    return readInvitationNotice(body);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

// The guest.

/** How long a guest waits for an answer before it proves itself again, in milliseconds. */
export const PROVE_AGAIN_MS = 10_000;
/** How many proofs a guest sends to one member in one room before it reports that there is no answer. */
export const MAX_PROOFS = 3;
/**
 * How long it waits after that before it proves itself again, in milliseconds. An inviter that knew the guest's name by
 * another key has seen no proof before its person accepts the new one.
 */
export const PROVE_LATER_MS = 60_000;
/** How soon it tries again if the inviter is not in the present room yet, in milliseconds. */
const NOT_HERE_MS = 1_000;
/** The most members with the inviter's identity that it proves itself to. */
const MAX_INVITERS = 16;

/** What becomes of a guest. */
export type GuestEvent =
  /** A member with the inviter's identity is in the room. The guest proves itself to it. */
  | { readonly kind: "met"; readonly inviter: Peer }
  /** The inviter has accepted the guest. */
  | { readonly kind: "accepted"; readonly inviter: Peer }
  /** Another has used the invitation: somebody else has the link. Or it is over. */
  | { readonly kind: "used" | "over"; readonly inviter: Peer }
  /** The inviter has not answered. */
  | { readonly kind: "silent"; readonly inviter: Peer };

/** What a guest needs. */
export interface InvitedGuestOptions {
  /** The invitation, with its secret. */
  readonly invitation: Invitation;
  /** The first 16 bytes of the inviter's fingerprint, as the link has them. */
  readonly inviter: Bytes;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Sends a notice of invitations to a peer; returns whether it is sent. */
  readonly send: (peer: Peer, body: Bytes) => boolean;
  /** Receives what becomes of the guest. */
  readonly event: (event: GuestEvent) => void;
  /** {@linkcode InvitedGuest.wakeAt} is earlier than it was. */
  readonly wake: () => void;
  /** Receives an error of the runtime's cryptography. */
  readonly failed: (error: unknown) => void;
}

/** A member with the inviter's identity. */
interface Inviter {
  readonly peer: Peer;
  proofs: number;
  /** Whether the missing answer was reported. */
  isSilent: boolean;
  /** When the next proof is due, or the last one counts as not answered; Infinity once it is answered. */
  dueAt: number;
  /** The last answer. */
  answer: InvitationAnswer | undefined;
}

/**
 * A guest. It proves that it has the link to the member that the link names, and to nobody else. Before that member has
 * accepted it, nobody else is given keys.
 */
export class InvitedGuest {
  readonly #options: InvitedGuestOptions;
  /** By member, the members with the inviter's identity. */
  readonly #inviters = new Map<string, Inviter>();
  #room: Bytes | undefined;
  #self: Bytes | undefined;
  #state: "waiting" | "accepted" | "released" = "waiting";

  /** Starts before the guest has joined. */
  constructor(options: InvitedGuestOptions) {
    this.#options = options;
  }

  /** Whether the inviter has accepted the guest. */
  get isAccepted(): boolean {
    return this.#state === "accepted";
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    if (this.isAccepted) return Infinity;
    return Math.min(...this.#inviters.values().map(({ dueAt }) => dueAt), Infinity);
  }

  /** Returns whether a fingerprint is the one that the link names. This is as secure as the channel of the link. */
  isInviter(fingerprint: string): boolean {
    return sameBytes(inviterOf(fingerprint), this.#options.inviter);
  }

  /** Returns whether a member may be given keys, as far as the invitation is concerned. A policy asks this. */
  givesKeysTo(fingerprint: string): boolean {
    return this.#state !== "waiting" || this.isInviter(fingerprint);
  }

  /** The person has decided not to wait for the inviter. */
  release(): void {
    if (this.#state === "waiting") this.#state = "released";
  }

  /** Takes the member's events. Call it for every event, in order. */
  take(event: MemberEvent): void {
    switch (event.kind) {
      case "admitted":
        this.#self = event.self.member;
        return this.#enter(event.room);
      case "reconnected":
        return this.#enter(event.room);
      case "joined":
        return this.#meet(event.peer);
      case "left":
        return void this.#inviters.delete(event.peer.credential.key);
      case "notice":
        return event.notice === "invitation" ? this.#answered(event.peer, event.body) : undefined;
    }
  }

  /** What was sent in an earlier room may not have come. */
  #enter(room: Bytes): void {
    if (this.#room !== undefined && sameBytes(this.#room, room)) return;
    this.#room = room;
    for (const inviter of this.#inviters.values()) {
      inviter.proofs = 0;
      inviter.isSilent = false;
      inviter.dueAt = this.#options.now();
      inviter.answer = undefined;
    }
    if (this.#inviters.size > 0) this.#options.wake();
  }

  #meet(peer: Peer): void {
    if (this.isAccepted || !this.isInviter(peer.credential.fingerprint)) return;
    if (this.#inviters.size >= MAX_INVITERS) return;
    const { now, event, wake } = this.#options;
    const { key } = peer.credential;
    const inviter = { peer, proofs: 0, isSilent: false, dueAt: now(), answer: undefined };
    this.#inviters.set(key, inviter);
    event({ kind: "met", inviter: peer });
    wake();
  }

  #answered(peer: Peer, body: Bytes): void {
    const inviter = this.#inviters.get(peer.credential.key);
    const notice = readNotice(body);
    if (inviter === undefined || notice?.kind !== "answer" || this.isAccepted) return;
    const { invitation, event } = this.#options;
    // What was not asked is not answered.
    if (!sameBytes(notice.publicKey, invitation.publicKey) || inviter.proofs === 0) return;
    const isNew = inviter.answer !== notice.answer;
    inviter.dueAt = Infinity;
    inviter.answer = notice.answer;
    if (notice.answer === "accepted") this.#state = "accepted";
    if (isNew) event({ kind: notice.answer, inviter: peer });
  }

  /** Proves what is due, and tells of those who have not answered. */
  tick(): void {
    const now = this.#options.now();
    for (const inviter of this.#inviters.values()) {
      if (this.isAccepted || now < inviter.dueAt) continue;
      const isSilent = inviter.proofs === MAX_PROOFS && !inviter.isSilent;
      if (isSilent) {
        inviter.isSilent = true;
        this.#options.event({ kind: "silent", inviter: inviter.peer });
      }
      inviter.dueAt = now + (inviter.isSilent ? PROVE_LATER_MS : PROVE_AGAIN_MS);
      if (!isSilent) this.#prove(inviter).catch(this.#options.failed);
    }
  }

  async #prove(inviter: Inviter): Promise<void> {
    const room = this.#room!;
    const { invitation, send, now, wake } = this.#options;
    const place = { room, inviter: inviter.peer.credential.member, guest: this.#self! };
    const proof = await signProof(invitation, inviterStatement(place));
    // In another room, another proof is due already.
    if (this.#room !== room || inviter.dueAt === Infinity) return;
    if (send(inviter.peer, encodeInvitationNotice({ kind: "proof", proof }))) inviter.proofs += 1;
    else {
      inviter.dueAt = now() + NOT_HERE_MS;
      wake();
    }
  }
}
