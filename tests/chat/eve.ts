/**
 * A member that keeps to the protocol's form and to nothing else.
 *
 * @module
 */

import { type Bytes, utf8 } from "../../lib/chat/bytes.ts";
import { encodeTexts } from "../../lib/chat/envelope.ts";
import { KeySender } from "../../lib/chat/pairwise.ts";
import { secureRandom, SendingChain } from "../../lib/chat/sender_key.ts";
import { RawMember } from "./raw_member.ts";
import { credentialOf, type Seat, type TestRoom } from "./room.ts";

/** A member that sends frames of its own making, in a room with others. */
export class Eve {
  private constructor(
    readonly room: TestRoom,
    readonly raw: RawMember,
    readonly self: Awaited<ReturnType<typeof credentialOf>>,
  ) {}

  static async join(room: TestRoom): Promise<Eve> {
    const self = await credentialOf("eve", 9, room.clock.now);
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
