/**
 * The chains that a member seals under, and who holds their keys.
 *
 * One chain is for the group, and each peer has one for what is said to it in private and one for what it is
 * sent again. Before a frame its recipients are compared with the holders: whoever is to read it is given the
 * key, and who is not to read it any longer makes the chain a fresh one.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { OwnCredential } from "./credential.ts";
import { CONVERSATION, type Conversation } from "./envelope.ts";
import type { keyChange } from "./key_change.ts";
import type { Ledger } from "./ledger.ts";
import { KeySender } from "./pairwise.ts";
import type { Peer } from "./roster.ts";
import { type Random, SendingChain } from "./sender_key.ts";

/** Whose chains they are, in which room. */
export interface OwnChainsOptions {
  readonly self: OwnCredential;
  readonly room: Bytes;
  /** Numbers the chains. */
  readonly ledger: Pick<Ledger, "nextChain">;
  readonly keyChange: typeof keyChange;
  readonly random: Random;
  readonly now: () => number;
}

/** A chain, and who has its key. */
interface HeldChain {
  readonly chain: SendingChain;
  holders: ReadonlySet<Peer>;
}

/** A member's own chains in one room. */
export class OwnChains {
  readonly #options: OwnChainsOptions;
  readonly #send: (frame: Bytes) => void;
  /** One for each peer that can be given keys. */
  readonly #keySenders = new WeakMap<Peer, KeySender>();
  /** The chains to one peer alone. */
  readonly #alone = {
    [CONVERSATION.private]: new Map<Peer, HeldChain>(),
    [CONVERSATION.again]: new Map<Peer, HeldChain>(),
  } as const;
  #group: HeldChain | undefined;

  /**
   * Starts without a chain.
   *
   * @param options Whose they are.
   * @param send Sends a key frame.
   */
  constructor(options: OwnChainsOptions, send: (frame: Bytes) => void) {
    this.#options = options;
    this.#send = send;
  }

  /** A peer has left: its keys are forgotten. */
  forget(peer: Peer): void {
    this.#keySenders.delete(peer);
    this.#alone[CONVERSATION.private].delete(peer);
    this.#alone[CONVERSATION.again].delete(peer);
  }

  /** Those of some peers that no pairwise key has been made for. */
  withoutKeys(peers: Iterable<Peer>): Peer[] {
    return [...peers].filter((peer) => !this.#keySenders.has(peer));
  }

  /**
   * Makes pairwise keys.
   *
   * @returns The peers whose session key takes none.
   */
  async prepare(peers: readonly Peer[]): Promise<Peer[]> {
    const { room, self, random } = this.#options;
    const made = await Promise.allSettled(
      peers.map((peer) => KeySender.to(room, self.member, peer.credential, random)),
    );
    return peers.filter((peer, i) => {
      const one = made[i]!;
      if (one.status === "fulfilled") this.#keySenders.set(peer, one.value);
      return one.status === "rejected";
    });
  }

  /**
   * The chain for a set of recipients, whose key each of them has been given.
   *
   * @param conversation What is said; alone to one, unless it is the group's.
   * @param holders Who is to read, one of them at least; each has a pairwise key ({@linkcode prepare}).
   */
  async chainFor(conversation: Conversation, holders: ReadonlySet<Peer>): Promise<SendingChain> {
    const now = this.#options.now();
    const [peer] = holders;
    const last = conversation === CONVERSATION.group
      ? this.#group
      : this.#alone[conversation].get(peer!);
    const change = last === undefined
      ? "chain"
      : this.#options.keyChange(last.holders, holders, last.chain.isWorn(now));
    if (last === undefined || change === "chain") {
      const chain = await this.#start(conversation, now);
      const held = { chain, holders };
      await this.#give(chain, holders);
      if (conversation === CONVERSATION.group) this.#group = held;
      else this.#alone[conversation].set(peer!, held);
      return chain;
    }
    const fresh = holders.difference(last.holders);
    if (change === "step") await last.chain.advance(now);
    last.holders = holders;
    await this.#give(last.chain, fresh);
    return last.chain;
  }

  #start(conversation: Conversation, now: number): Promise<SendingChain> {
    const { room, self, random, ledger } = this.#options;
    const chain = ledger.nextChain();
    return SendingChain.start({ room, sender: self.member, conversation, chain }, random, now);
  }

  /** Gives the present key of a chain to each of some peers. */
  async #give({ scope, grant }: SendingChain, peers: ReadonlySet<Peer>): Promise<void> {
    const { privateKey } = this.#options.self.keys.signing;
    const { conversation, chain } = scope;
    const { key, ...rest } = grant;
    const position = { conversation, chain, ...rest };
    const frames = await Promise.all(
      // One that has left meanwhile needs none.
      [...peers].flatMap((peer) =>
        this.#keySenders.get(peer)?.give(position, key, privateKey) ?? []
      ),
    );
    for (const frame of frames) this.#send(frame);
  }
}
