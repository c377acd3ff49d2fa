/**
 * A member's own keys in one room: the chain that it seals under, the pairwise keys, and the routes that it declares.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { SendingChain } from "../seal/chain.ts";
import { PairSender } from "../seal/pairwise.ts";
import { encodeRoute } from "../wire/control.ts";
import { encodeMessages, type PairMessage } from "../wire/content.ts";
import type { Peer, Roster } from "./roster.ts";

/** Whose keys they are, in which room. */
export interface OwnKeysOptions {
  readonly self: OwnCredential;
  readonly room: Bytes;
  readonly roster: Roster;
  /** Returns a number for a chain. */
  readonly nextChain: () => number;
  readonly keyChange: typeof keyChange;
  readonly random: Random;
}

/** A member's pairwise keys in one room. */
export class OwnPairs {
  readonly #options: OwnKeysOptions;
  readonly #pairs = new Map<Peer, PairSender>();
  readonly #unreachable = new WeakSet<Peer>();

  /** Starts without keys. */
  constructor(options: OwnKeysOptions) {
    this.#options = options;
  }

  /** Returns the pairwise key for a peer, if one was made. */
  of(peer: Peer): PairSender | undefined {
    return this.#pairs.get(peer);
  }

  /** Returns whether no pairwise key can be made for a peer. */
  isUnreachable(peer: Peer): boolean {
    return this.#unreachable.has(peer);
  }

  /** Forgets the key of a peer that has left. */
  forget(peer: Peer): void {
    this.#pairs.delete(peer);
  }

  /** Returns the peers that no pairwise key was made for. */
  lacking(peers: readonly Peer[]): Peer[] {
    return peers.filter((peer) => !this.#pairs.has(peer));
  }

  /**
   * Makes pairwise keys.
   *
   * @returns The peers whose session key is of no use.
   */
  async prepare(lacking: readonly Peer[]): Promise<Peer[]> {
    const { room, self, random } = this.#options;
    const made = await Promise.allSettled(
      lacking.map(({ credential: { member, session } }) =>
        PairSender.to({ room, sender: self.member, recipient: member }, session, random)
      ),
    );
    return lacking.filter((peer, i) => {
      const one = made[i]!;
      if (one.status === "fulfilled") this.#pairs.set(peer, one.value);
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
    const pair = this.#pairs.get(peer);
    if (pair === undefined) return undefined;
    const { roster, self } = this.#options;
    const { version } = roster;
    const context = await roster.history.newest;
    const numbers = { sender: roster.get(self.key)!.number, recipient: peer.number };
    const plaintext = encodeMessages(messages);
    return await pair.seal(numbers, { version, context }, plaintext, self.keys.signing.privateKey);
  }
}

/** A member's own chain for the group in one room. */
export class OwnChain {
  readonly #options: OwnKeysOptions;
  #chain: SendingChain | undefined;
  /** The peers that were granted the present chain's key. */
  #holders: ReadonlySet<Peer> = new Set();

  /** Starts without a chain. */
  constructor(options: OwnKeysOptions) {
    this.#options = options;
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
   * Returns the present chain if those who hold its key are those who are to read the next frame. Then it needs no
   * change, and nothing has to be awaited. Nobody is named twice.
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
    const { keyChange, random, nextChain, room, self } = this.#options;
    const readers = recipients.union(this.#holders.intersection(kept));
    const change = this.#chain === undefined || this.#chain.isSpent
      ? "chain"
      : keyChange(this.#holders, readers);
    const lacking = change === "chain" ? recipients : recipients.difference(this.#holders);
    this.#holders = change === "chain" ? recipients : readers;
    if (change === "step") await this.#chain!.advance();
    if (change === "chain") {
      const scope = { room, sender: self.member, chain: nextChain() };
      this.#chain = await SendingChain.start(scope, random);
    }
    return { chain: this.#chain!, lacking };
  }
}

/** What becomes of a chain before its next frame. */
export type KeyChange = "none" | "step" | "chain";

/**
 * Compares who holds a chain's key with who is to read its next frame.
 *
 * @returns A fresh chain if a holder is not to read; one step, which goes one way, if a reader is not a holder.
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
   * @param roster The numbers of the members in the roster at the frame's version, without the sender.
   * @param recipients The numbers of those that are to receive.
   */
  for(
    roster: readonly number[],
    recipients: ReadonlySet<number>,
  ): { readonly route: number; readonly declaration?: Bytes } {
    const others = roster.filter((number) => !recipients.has(number));
    if (others.length === 0) return { route: 0 };
    const except = others.length <= recipients.size;
    const members = except ? others : [...recipients];
    const described = `${except} ${members}`;
    if (described === this.#declared) return { route: OWN_ROUTE };
    this.#declared = described;
    return { route: OWN_ROUTE, declaration: encodeRoute({ route: OWN_ROUTE, except, members }) };
  }
}
