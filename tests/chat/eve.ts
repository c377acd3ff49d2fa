/**
 * A member that keeps to the protocol's form and to nothing else.
 *
 * @module
 */

import { type Bytes, secureRandom, utf8 } from "../../lib/base/bytes.ts";
import { CONTEXT, inContext, sign } from "../../lib/chat/identity/signing.ts";
import { SendingChain } from "../../lib/chat/seal/chain.ts";
import { KeySender } from "../../lib/chat/seal/pairwise.ts";
import { encodeProgressBody, encodeSigned, encodeTexts } from "../../lib/chat/wire/envelope.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import { RawMember } from "./raw_member.ts";
import { credentialOf, type Seat, type TestRoom } from "./room.ts";

/** A member that sends frames of its own making, in a room with others. */
export class Eve {
  private constructor(
    readonly room: TestRoom,
    readonly raw: RawMember,
    readonly self: Awaited<ReturnType<typeof credentialOf>>,
  ) {}

  static async join(room: TestRoom, name = "eve", keyIndex = 9): Promise<Eve> {
    const self = await credentialOf(name, keyIndex, room.clock.now);
    const raw = await RawMember.join(room.relay, self);
    await room.settle();
    return new Eve(room, raw, self);
  }

  async chain(conversation: 0 | 1, chain: number, key?: Bytes): Promise<SendingChain> {
    const scope = { room: this.room.relay.room, sender: this.self.member, conversation, chain };
    return await SendingChain.start(scope, key === undefined ? secureRandom : () => key, 0);
  }

  /** Gives a key to somebody, in the name of a sender, under a commitment of one's choice. */
  async give(
    to: Seat,
    { scope, grant: { key, ...grant } }: SendingChain,
    commitment: Bytes = grant.commitment,
    sender: Bytes = this.self.member,
  ): Promise<void> {
    const { conversation, chain } = scope;
    const giver = await KeySender.to(this.room.relay.room, sender, to.self, secureRandom);
    const { privateKey } = this.self.keys.signing;
    const position = { conversation, chain, ...grant, commitment };
    this.raw.send(await giver.give(position, key, privateKey));
  }

  /** Takes a step, and seals a frame that nobody gets. */
  async skip(chain: SendingChain): Promise<void> {
    await chain.advance(0);
    const none = { audience: 0, membership: 0, newest: 0, recipients: new Uint8Array(32) };
    await chain.seal(none, new Uint8Array(1), this.self.keys.signing.privateKey);
  }

  /** Asks somebody how far it has shown what eve said, or tells it how far eve has shown what it said. */
  async progress(to: Bytes, asks: boolean): Promise<void> {
    const { member, keys } = this.self;
    const body = encodeProgressBody({ sender: member, recipient: to, asks, shown: 0 });
    const signed = inContext(CONTEXT.progress, this.room.relay.room, body);
    const signature = await sign(keys.signing.privateKey, signed);
    this.raw.send(encodeSigned(KIND.progress, body, signature));
  }

  /** Seals a text for a digest, and sends it to an audience. */
  async say(
    chain: SendingChain,
    text: string,
    audience: number,
    recipients: Bytes,
    message = 1,
  ): Promise<void> {
    const { number } = this.room.seats[0]!.member.roster;
    const to = { audience, membership: number, newest: number, recipients };
    const plaintext = encodeTexts([{ number: message, time: 0, text: utf8(text) }]);
    this.raw.send(await chain.seal(to, plaintext, this.self.keys.signing.privateKey));
    await this.room.settle();
  }
}
