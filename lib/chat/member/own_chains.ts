/**
 * How a member's lines reach their recipients in one room: which recipients share a sealed frame and which are served
 * alone, the chain and the pairwise keys, and the declared routes.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { SendingChain } from "../seal/chain.ts";
import { PairSender } from "../seal/pairwise.ts";
import { encodeRoute } from "../wire/control.ts";
import { encodeMessages, type PairMessage, STREAM, STREAMS } from "../wire/content.ts";
import type { Contact, Entry } from "./lines.ts";
import type { KeyChange, RoomContext } from "./options.ts";
import type { Peer } from "./roster.ts";

/** A member's pairwise keys in one room. */
export class OwnPairs extends Map<Peer, PairSender> {
  readonly #context: RoomContext;
  readonly #unreachable = new WeakSet<Peer>();

  /** Starts without keys. */
  constructor(context: RoomContext) {
    super();
    this.#context = context;
  }

  /** Returns whether no pairwise key can be made for a peer. */
  isUnreachable(peer: Peer): boolean {
    return this.#unreachable.has(peer);
  }

  /** Returns the peers that no pairwise key was made for. */
  lacking(peers: readonly Peer[]): Peer[] {
    return peers.filter((peer) => !this.has(peer));
  }

  /**
   * Makes pairwise keys.
   *
   * @returns The peers whose session key cannot encrypt.
   */
  async prepare(lacking: readonly Peer[]): Promise<Peer[]> {
    const { room, self, random } = this.#context;
    const made = await Promise.allSettled(
      lacking.map(({ credential: { member, session } }) =>
        PairSender.to({ room, sender: self.member, recipient: member }, session, random)
      ),
    );
    return lacking.filter((peer, i) => {
      const one = made[i]!;
      if (one.status === "fulfilled") this.set(peer, one.value);
      else this.#unreachable.add(peer);
      return one.status === "rejected";
    });
  }

  /**
   * Seals messages for a peer.
   *
   * @returns The encoded frame; undefined if the peer has no pairwise key: it has left.
   */
  async seal(peer: Peer, messages: readonly PairMessage[]): Promise<Bytes | undefined> {
    const pair = this.get(peer);
    if (pair === undefined) return undefined;
    const { roster, self } = this.#context;
    const { version } = roster;
    const context = await roster.history.newest;
    const numbers = { sender: roster.own, recipient: peer.number };
    const plaintext = encodeMessages(messages);
    return await pair.seal(numbers, { version, context }, plaintext, self.keys.signing.privateKey);
  }
}

/** The last number of a chain. */
const MAX_CHAIN = 0xffff_ffff;

/** A member's own chain for the group in one room. */
export class OwnChain {
  readonly #context: RoomContext;
  #chain: SendingChain | undefined;
  /** The peers that were granted the present chain's key. */
  #holders: ReadonlySet<Peer> = new Set();

  /** Starts without a chain. */
  constructor(context: RoomContext) {
    this.#context = context;
  }

  /** The present chain, and its step and key; undefined before the first one. */
  get present():
    | { readonly chain: number; readonly step: number; readonly key: Bytes }
    | undefined {
    const chain = this.#chain;
    return chain && { chain: chain.scope.chain, ...chain.grant };
  }

  /** Returns whether a peer holds the present chain's key. */
  isHolder(peer: Peer): boolean {
    return this.#holders.has(peer);
  }

  /**
   * Returns the present chain if the holders of its key are the readers of the next frame. Then it needs no change, and
   * nothing has to be awaited. No peer may be named twice.
   *
   * @param recipients Who is to read the next frame.
   * @param kept Who may read it too, and is sent it some other way.
   */
  unchanged(recipients: readonly Peer[], kept: readonly Peer[]): SendingChain | undefined {
    const holders = this.#holders;
    const staying = kept.filter((peer) => holders.has(peer)).length;
    if (this.#chain?.isSpent === true || recipients.length + staying !== holders.size) {
      return undefined;
    }
    return recipients.every((peer) => holders.has(peer)) ? this.#chain : undefined;
  }

  /**
   * Changes the chain for a set of recipients, if need be.
   *
   * @param recipients Who is to read the next frame.
   * @param kept Who may read it too, and is sent it some other way.
   * @returns The chain, and the recipients that do not have its key and are to be granted it.
   */
  async for(
    recipients: ReadonlySet<Peer>,
    kept: ReadonlySet<Peer>,
  ): Promise<{ readonly chain: SendingChain; readonly lacking: ReadonlySet<Peer> }> {
    const { keyChange, random, ledger, room, self } = this.#context;
    const readers = recipients.union(this.#holders.intersection(kept));
    const change = this.#chain === undefined || this.#chain.isSpent
      ? "chain"
      : keyChange(this.#holders, readers);
    const lacking = change === "chain" ? recipients : recipients.difference(this.#holders);
    this.#holders = change === "chain" ? recipients : readers;
    if (change === "step") await this.#chain!.advance();
    if (change === "chain") {
      const number = ledger.nextChain();
      // A chain with the number of an earlier one would be taken for that one.
      if (number > MAX_CHAIN) throw new Error("this member has used all numbers of chains");
      const scope = { room, sender: self.member, chain: number };
      this.#chain = await SendingChain.start(scope, random);
    }
    return { chain: this.#chain!, lacking };
  }
}

/**
 * Compares the holders of a chain's key with the readers of its next frame.
 *
 * @returns `chain` for a fresh chain if a holder may not read; `step` if a reader is not a holder; otherwise `none`.
 */
export function keyChange<T>(holders: ReadonlySet<T>, readers: ReadonlySet<T>): KeyChange {
  if (!holders.isSubsetOf(readers)) return "chain";
  return readers.size > holders.size ? "step" : "none";
}

/** The route that a member declares if not everyone is to receive. */
const OWN_ROUTE = 1;

/** The route of a member's sealed frames. */
export class OwnRoute {
  #declared = "";

  /**
   * Returns the route of a frame, and the declaration that is to be sent before it.
   *
   * @param recipients Those that are to receive.
   * @param there The members in the roster at the frame's version, without the sender.
   * @param chain The chain that the frame is sealed under.
   */
  to(
    recipients: readonly Peer[],
    there: readonly Peer[],
    chain: OwnChain,
  ): { readonly route: number; readonly declaration?: Bytes } {
    // Only recipients hold the chain's key.
    if (there.every((peer) => chain.isHolder(peer))) return { route: 0 };
    const set = new Set(recipients);
    const meant = there.filter((peer) => set.has(peer));
    const others = there.filter((peer) => !set.has(peer));
    if (others.length === 0) return { route: 0 };
    const except = others.length <= meant.length;
    const members = (except ? others : meant).map(({ number }) => number);
    const described = `${except} ${members}`;
    if (described === this.#declared) return { route: OWN_ROUTE };
    this.#declared = described;
    return { route: OWN_ROUTE, declaration: encodeRoute({ route: OWN_ROUTE, except, members }) };
  }
}

/** A newcomer is served alone for so long, in milliseconds, so that its leaving again changes no chain. */
const NEWCOMER_MS = 60_000;
/** The most newcomers that are served alone at a time. */
const MAX_NEWCOMERS = 8;
/** Rooms up to this size, oneself included, grant newcomers the chain at once. */
const SMALL_ROOM = 16;

/** How the recipients of a line get it. */
export interface Division {
  /** By a sealed frame. */
  readonly together: readonly Contact[];
  /** Alone: the relay leaves out the sealed frame. */
  readonly behind: readonly Contact[];
  /** Alone. */
  readonly apart: readonly Contact[];
  /** Not at all: the policy keeps them from reading. */
  readonly dropped: readonly Contact[];
}

/** Divides the recipients of lines. */
export class Recipients {
  readonly #context: RoomContext;
  /** Returns whether a peer may be given keys. */
  readonly #mayRead: (peer: Peer) => boolean;
  readonly #newcomers = new Set<Contact>();

  /** Starts without contacts that are served alone. */
  constructor(context: RoomContext, mayRead: (peer: Peer) => boolean) {
    this.#context = context;
    this.#mayRead = mayRead;
  }

  /** A contact has left. */
  forget(contact: Contact): void {
    this.#newcomers.delete(contact);
  }

  /** Divides the recipients of a line to the group, and sets their modes. */
  of(entry: Entry): Division {
    const { ledger } = this.#context;
    const division = {
      together: [] as Contact[],
      behind: [] as Contact[],
      apart: [] as Contact[],
      dropped: [] as Contact[],
    };
    for (const contact of ledger.contacts()) {
      const isFor = ledger.isFor(contact, entry);
      const reads = isFor && this.#mayRead(contact.peer);
      const isBehind = contact.mode === "behind";
      if (reads && isBehind) division.behind.push(contact);
      else if (reads && this.#canReadSealed(contact, entry)) {
        contact.mode = "together";
        division.together.push(contact);
      } else {
        // A contact that is behind stays so until it rejoins, even if this line is not for it.
        if (!isBehind) contact.mode = "apart";
        contact.granted = false;
        if (reads) division.apart.push(contact);
        else if (isFor) division.dropped.push(contact);
      }
    }
    return division;
  }

  #canReadSealed(contact: Contact, { line, room }: Entry): boolean {
    const { here, unsure, peer, streams } = contact;
    if (!here || unsure || room !== this.#context.room || peer.number > line.version) return false;
    if (this.#context.roster.history.when(line.version) === undefined) return false;
    const isOwed = streams[STREAM.group].owed.length > 0 ||
      STREAMS.some((stream) => streams[stream].gone > 0);
    return !isOwed && !this.#isServedAlone(contact);
  }

  /** Whether a newcomer is served alone still. */
  #isServedAlone(contact: Contact): boolean {
    const { ledger, now } = this.#context;
    const isNew = now() - contact.joinedAt < NEWCOMER_MS;
    if (!isNew || ledger.size < SMALL_ROOM || contact.mode === "together") {
      this.#newcomers.delete(contact);
      return false;
    }
    if (this.#newcomers.size < MAX_NEWCOMERS) this.#newcomers.add(contact);
    return this.#newcomers.has(contact);
  }
}
