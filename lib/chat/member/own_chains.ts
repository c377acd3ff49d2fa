/**
 * The chains that a member seals under, and who holds their keys.
 *
 * One chain is for the group, and each peer has one for what is said to it in private and one for what it is
 * sent again. Before a frame its recipients are compared with the holders: whoever is to read it is given the
 * key, and who is not to read it any longer makes the chain a fresh one.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { SendingChain } from "../seal/chain.ts";
import { KeySender } from "../seal/pairwise.ts";
import { encodeAudience } from "../wire/control.ts";
import { CONVERSATION, type Conversation } from "../wire/envelope.ts";
import type { Peer } from "./roster.ts";
import type { Ledger } from "./undelivered.ts";

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

/** What becomes of a chain before its next frame. */
export type KeyChange = "none" | "step" | "chain";

/**
 * Compares who holds a chain's key with who is to read its next frame.
 *
 * @param holders Who holds it.
 * @param recipients Who is to read.
 * @param worn Whether the present step has been used for long enough.
 * @returns A fresh chain where somebody holds the key who is not to read; one step, which goes one way,
 * where somebody is to read who does not hold it.
 */
export function keyChange<T>(
  holders: ReadonlySet<T>,
  recipients: ReadonlySet<T>,
  worn: boolean,
): KeyChange {
  if (!holders.isSubsetOf(recipients)) return "chain";
  return worn || recipients.size > holders.size ? "step" : "none";
}

/** The number of the audience of the group, where it is not everyone. */
const GROUP_AUDIENCE = 1;
/** How many audiences of one a member keeps declared at the relay beside it. */
const MAX_PRIVATE_AUDIENCES = 255;

/** A member's audiences in one room. */
export class OwnAudiences {
  readonly #send: (frame: Bytes) => void;
  /** Those whom the audience of the group names at the relay. */
  #group: ReadonlySet<Peer> = new Set();
  /** The audiences of one, the one not used for longest first. */
  readonly #alone = new Map<Peer, number>();

  /**
   * Starts with none declared.
   *
   * @param send Sends a declaration.
   */
  constructor(send: (frame: Bytes) => void) {
    this.#send = send;
  }

  /** A peer has left: its number is free. */
  forget(peer: Peer): void {
    this.#alone.delete(peer);
  }

  /** The number of the group's audience; declares it, where it is not the one that is declared. */
  ofGroup(holders: ReadonlySet<Peer>): number {
    if (!(this.#group.size === holders.size && this.#group.isSubsetOf(holders))) {
      const members = [...holders].map((peer) => peer.credential.member);
      this.#send(encodeAudience(GROUP_AUDIENCE, members));
      this.#group = holders;
    }
    return GROUP_AUDIENCE;
  }

  /** The number of an audience of one; the one not used for longest gives way. */
  ofOne(peer: Peer): number {
    const known = this.#alone.get(peer);
    if (known !== undefined) {
      this.#alone.delete(peer);
      this.#alone.set(peer, known);
      return known;
    }
    const free = this.#free();
    this.#alone.set(peer, free);
    this.#send(encodeAudience(free, [peer.credential.member]));
    return free;
  }

  #free(): number {
    if (this.#alone.size >= MAX_PRIVATE_AUDIENCES) {
      const [oldest, number] = this.#alone.entries().next().value!;
      this.#alone.delete(oldest);
      return number;
    }
    const taken = new Set(this.#alone.values());
    let number = GROUP_AUDIENCE + 1;
    while (taken.has(number)) number += 1;
    return number;
  }
}
