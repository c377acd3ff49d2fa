/**
 * A member that keeps to the protocol's form and to nothing else.
 *
 * @module
 */

import { type Bytes, mapKey, secureRandom, sha256 } from "../../lib/base/bytes.ts";
import { sign } from "../../lib/chat/identity/signing.ts";
import { type SealedPlace, SendingChain } from "../../lib/chat/seal/chain.ts";
import { type AtVersion, PairReceiver, PairSender } from "../../lib/chat/seal/pairwise.ts";
import {
  encodeMessages,
  encodeReceipt,
  encodeTexts,
  type PairMessage,
  type Progress,
  STREAM,
} from "../../lib/chat/wire/content.ts";
import { readJoined, readLeft } from "../../lib/chat/wire/control.ts";
import { checkOf, encodeHere, RosterHistory, statementAt } from "../../lib/chat/wire/history.ts";
import { encodeEntries, type Pair, readPair } from "../../lib/chat/wire/envelope.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import { RawMember } from "./raw_member.ts";
import { credentialOf, type Seat, TestRoom } from "./room.ts";

/** A member that sends frames of its own making, in a room with others. */
export class Eve {
  readonly #pairs = new Map<string, PairSender>();

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

  get #signingKey(): CryptoKey {
    return this.self.keys.signing.privateKey;
  }

  /** Returns a version of the room, the newest by default, and its context, from what eve has been told. */
  async at(version?: number): Promise<AtVersion> {
    const pages = this.raw.roster;
    const listed = pages.flatMap(({ listings }) => listings);
    const hashes = new Map<number, Bytes>();
    for (const { number, credential } of listed) hashes.set(number, await sha256(credential));
    const { room, version: before, context } = pages[0]!;
    const history = new RosterHistory({
      room,
      version: before,
      context,
      members: [...hashes.values()],
    });
    await history.add("joined", this.self.member);
    for (const { kind, payload } of this.raw.received) {
      if (version !== undefined && history.version >= version) break;
      if (kind === KIND.joined) {
        const { number, credential } = readJoined(payload);
        hashes.set(number, await sha256(credential));
        await history.add("joined", hashes.get(number)!);
      }
      if (kind === KIND.left) await history.add("left", hashes.get(readLeft(payload).member)!);
    }
    return { version: history.version, context: await history.newest };
  }

  /** Starts a chain, under a random key by default. */
  async chain(chain: number, key?: Bytes): Promise<SendingChain> {
    const scope = { room: this.raw.room, sender: this.self.member, chain };
    return await SendingChain.start(scope, key === undefined ? secureRandom : () => key);
  }

  #pairTo(to: Seat): Pair {
    return { room: this.raw.room, sender: this.self.member, recipient: to.self.member };
  }

  /** Returns the number of a member of the room. */
  numberOf(to: Seat): number {
    const seen =
      this.room.seats.find(({ member }) => member !== to.member && member.isIn)?.member ??
        to.member;
    const peer = seen.roster.byName(to.self.name);
    const number = peer?.number ?? to.member.roster.own;
    if (number > 0) return number;
    throw new Error(`nobody else has seen ${to.self.name}`);
  }

  /** Returns the pairwise key for somebody: the same one until `isNew`. */
  async pair(to: Seat, isNew = false): Promise<PairSender> {
    const key = mapKey(to.self.member);
    const known = this.#pairs.get(key);
    if (known !== undefined && !isNew) return known;
    const made = await PairSender.to(
      this.#pairTo(to),
      to.self.keys.session.publicKey,
      secureRandom,
    );
    this.#pairs.set(key, made);
    return made;
  }

  /** Sends a pair frame with messages, or with a plaintext that need not be well-formed, under the newest key by default. */
  async tell(
    to: Seat,
    content: readonly PairMessage[] | Bytes,
    at?: AtVersion,
    under?: PairSender,
  ): Promise<void> {
    const plaintext = content instanceof Uint8Array ? content : encodeMessages(content);
    const numbers = { sender: this.raw.number, recipient: this.numberOf(to) };
    const pair = under ?? await this.pair(to);
    this.raw.send(await pair.seal(numbers, at ?? await this.at(), plaintext, this.#signingKey));
  }

  /** Gives somebody the present key of a chain, or another one in its place. */
  async grant(
    to: Seat,
    { scope: { chain }, grant }: SendingChain,
    { next = 1, last = 0, key = grant.key }: { next?: number; last?: number; key?: Bytes } = {},
  ): Promise<void> {
    await this.tell(to, [{ kind: "grant", chain, step: grant.step, key, next, last }]);
  }

  /** Seals a plaintext, and sends it to everyone by default. */
  async seal(
    chain: SendingChain,
    plaintext: Bytes,
    place: Partial<SealedPlace> = {},
  ): Promise<void> {
    const at = await this.at(place.version);
    const whole = { sender: this.raw.number, route: 0, number: 1, ...at, ...place };
    this.raw.send(await chain.seal(whole, plaintext, this.#signingKey));
    await this.room.settle();
  }

  /** Says a text. */
  async say(chain: SendingChain, text: string, place: Partial<SealedPlace> = {}): Promise<void> {
    await this.seal(chain, encodeTexts([{ time: 0, text }]), place);
  }

  /** Shows the others that eve is there. */
  async here(): Promise<void> {
    const { version, context } = await this.at();
    const { number, room } = this.raw;
    const statement = statementAt("here", { room, member: this.self.member, version, context });
    const signature = await sign(this.#signingKey, statement);
    this.raw.send(encodeHere({ member: number, version, check: checkOf(context), signature }));
  }

  /** Asks somebody what it has taken of what eve said. */
  async ask(to: Seat): Promise<void> {
    const pair = await this.pair(to);
    const entry = await pair.ask(this.numberOf(to), await this.at(), new Uint8Array(0));
    for (const frame of encodeEntries(KIND.ask, [entry])) this.raw.send(frame);
  }

  /** Returns eve's side of the pairwise key that somebody gave it, once a pair frame of it has come. */
  async receiver(from: Seat): Promise<PairReceiver> {
    const pair = { room: this.raw.room, sender: from.self.member, recipient: this.self.member };
    const receiver = new PairReceiver(
      pair,
      this.self.keys.session.privateKey,
      from.self.keys.signing.publicKey,
    );
    const number = this.numberOf(from);
    const frame = this.raw.frames(KIND.pair).map(readPair)
      .find(({ header, wrapped }) => header.sender === number && wrapped.length > 0);
    if (frame === undefined) throw new Error(`${from.self.name} has sent no pairwise key`);
    await receiver.open(frame, (await this.at(frame.header.version)).context);
    return receiver;
  }

  /** Tells somebody that eve has taken what it said to everyone up to a number. */
  async take(from: Seat, receiver: PairReceiver, through: number): Promise<void> {
    const taken = { stream: STREAM.group, through, seen: through, withheld: 0 };
    await this.receipt(from, receiver, [taken]);
    await this.room.settle();
  }

  /** Tells somebody what eve has taken of what it said. */
  async receipt(to: Seat, receiver: PairReceiver, streams: readonly Progress[]): Promise<void> {
    const entry = await receiver.receipt(
      this.numberOf(to),
      await this.at(),
      encodeReceipt(streams),
    );
    for (const frame of encodeEntries(KIND.receipt, [entry])) this.raw.send(frame);
  }
}

/** A room of ada and eve, in which ada has said something, and eve has ada's keys. */
export async function eveHears(text: string) {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  ada.member.enter(text);
  await room.settle();
  return { room, ada, eve, receiver: await eve.receiver(ada) };
}
