/**
 * Members that lie: in receipts, contexts, numbers, grants and `gone`, and that ask without end.
 *
 * @module
 */

import { OwnPairs } from "../../lib/chat/member/own_chains.ts";
import { Membership } from "../../lib/chat/member/stay.ts";
import { SendingChain } from "../../lib/chat/seal/chain.ts";
import { PairReceiver, PairSender } from "../../lib/chat/seal/pairwise.ts";
import { encodeReceipt, type PairMessage, STREAMS } from "../../lib/chat/wire/content.ts";
import { type Break, replacing } from "./build.ts";
import type { Generator } from "./generator.ts";

/** The most that a number jumps. */
const JUMP = 2 ** 40;
/** So many times a member asks at once. */
const ASKS = 20;

/**
 * Makes members lie.
 *
 * @param chance What the lies are drawn from.
 * @param lies Whether the member that computes now is one that lies.
 */
export function lyingMembers(chance: Generator, lies: () => boolean): readonly Break[] {
  const often = chance.next() * 0.4;
  const now = () => lies() && chance.chance(often);
  const number = (near: number) =>
    chance.chance(0.5) ? chance.int(1, 2 * near + 3) : chance.int(1, JUMP);

  /** Names another version, or another context for the same one. */
  const elsewhere = <At extends { version: number; context: Uint8Array }>(at: At): At =>
    chance.chance(0.5)
      ? { ...at, version: chance.int(0, at.version + 2) }
      : { ...at, context: chance.bytes(32) };

  const bent = (message: PairMessage): PairMessage => {
    if (message.kind === "notice") return { ...message, body: chance.bytes(chance.int(0, 256)) };
    if (message.kind === "gone") return { ...message, number: number(message.number) };
    if (message.kind === "grant") {
      const next = number(message.next);
      return { ...message, next, last: chance.int(0, next - 1), step: chance.int(0, 0xffff) };
    }
    const at = number(message.number);
    return { ...message, number: at, last: chance.int(0, at - 1) };
  };

  return [
    replacing(
      PairReceiver.prototype,
      "receipt",
      (receipt) =>
        function (this: PairReceiver, member, at, plaintext) {
          if (!now()) return receipt.call(this, member, at, plaintext);
          const streams = STREAMS.map((stream) => {
            const seen = number(10);
            const withheld = chance.int(0, seen);
            return { stream, seen, through: chance.int(0, seen), withheld };
          });
          const lie = encodeReceipt(streams);
          // Another stream, more than was seen, or no receipt at all.
          if (chance.chance(0.3)) lie[chance.int(0, lie.length - 1)] = chance.int(0, 255);
          return receipt.call(this, member, chance.chance(0.2) ? elsewhere(at) : at, lie);
        },
    ),
    replacing(
      PairSender.prototype,
      "seal",
      (seal) =>
        function (this: PairSender, numbers, at, plaintext, key) {
          return seal.call(this, numbers, now() ? elsewhere(at) : at, plaintext, key);
        },
    ),
    replacing(
      SendingChain.prototype,
      "seal",
      (seal) =>
        function (this: SendingChain, place, plaintext, key) {
          if (!now()) return seal.call(this, place, plaintext, key);
          const there = chance.chance(0.5) ? elsewhere(place) : place;
          const jumped = chance.chance(0.5) ? { ...there, number: number(there.number) } : there;
          return seal.call(this, jumped, plaintext, key);
        },
    ),
    replacing(OwnPairs.prototype, "seal", (seal) =>
      function (this: OwnPairs, peer, messages) {
        if (!now()) return seal.call(this, peer, messages);
        const stream = chance.pick(STREAMS);
        const gone: PairMessage = { kind: "gone", stream, number: number(20) };
        return seal.call(this, peer, [...messages.map(bent), ...chance.chance(0.3) ? [gone] : []]);
      }),
    replacing(Membership.prototype, "tick", (tick) =>
      function (this: Membership) {
        for (let asks = now() ? ASKS : 0; asks > 0; asks--) {
          this.outgoing.pause();
          this.outgoing.goOn();
        }
        tick.call(this);
      }),
  ];
}
