/**
 * A member that speaks wire frames and seals nothing: it sends whatever a test wants.
 *
 * @module
 */

import { type Bytes, concatBytes } from "./raw_frames.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import type { Link } from "../../lib/chat/link.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import {
  type Challenge,
  encodeCount,
  encodeEmpty,
  readBye,
  readChallenge,
  readRosterPage,
  type RosterPage,
} from "../../lib/chat/wire/control.ts";
import { FrameReader } from "../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, isCounted, KIND, type Reason } from "../../lib/chat/wire/kinds.ts";
import { until } from "./keys.ts";
import { linkToRelay } from "./links.ts";
import {
  pairFrame,
  provenJoin,
  provenResume,
  sealedFrame,
  type SealedOptions,
} from "./raw_frames.ts";

/** The address that raw members have dialled. */
export const DIALLED = { host: "room.test", port: 4396 };

/** A connection of a member, and what came over it. */
export class RawMember {
  readonly received: { kind: number; payload: Bytes; bytes: Bytes }[] = [];
  readonly greeting: Bytes;
  readonly #link: Link;
  readonly #reader = new FrameReader(() => BOUND.frame);
  ended = false;
  /** Whether it acknowledges each chunk. */
  acknowledges = true;
  /** Whether it answers pings. */
  answers = false;
  /** The number of counted frames received in this stay. */
  counted = 0;
  /** The number of counted frames sent in this stay. */
  sent = 0;
  /** The room's id and the member's own number, once it has the roster. */
  room: Bytes = new Uint8Array(32);
  number = 0;

  constructor(relay: Relay, roomName = "") {
    this.greeting = encodeGreeting(roomName);
    this.#link = linkToRelay(relay, {
      receive: (bytes) => this.#receive(bytes),
      disconnected: () => this.ended = true,
    });
  }

  /** Joins with a credential, and waits for the roster or the end. */
  static async join(relay: Relay, self: OwnCredential, roomName = ""): Promise<RawMember> {
    const member = new RawMember(relay, roomName);
    await member.answer(self);
    await until(() => member.number > 0 || member.ended, "it is in");
    return member;
  }

  #receive(bytes: Bytes): void {
    const before = this.counted;
    for (const { kind, payload, bytes: whole } of this.#reader.push(bytes)) {
      this.received.push({ kind, payload: payload.slice(), bytes: whole.slice() });
      if (isCounted(kind)) this.counted += 1;
      if (kind === KIND.ping && this.answers) this.send(encodeEmpty(KIND.pong));
      if (kind === KIND.roster) {
        const { room, version } = readRosterPage(payload.slice());
        this.room = room;
        this.number = version + 1;
      }
    }
    if (this.acknowledges && this.counted > before) this.ack();
  }

  /** Acknowledges. */
  ack(count: number = this.counted): void {
    this.send(encodeCount(KIND.ack, count));
  }

  /** Greets, and waits for the challenge. */
  async challenge(): Promise<{ challenge: Challenge; transcript: Bytes }> {
    this.send(this.greeting);
    await until(() => this.received.length > 0 || this.ended, "the relay challenges");
    const [frame] = this.frames(KIND.challenge);
    if (frame === undefined) throw new Error(`no challenge came, but ${this.bye}`);
    return { challenge: readChallenge(frame), transcript: concatBytes(this.greeting, frame) };
  }

  /** Greets, and answers the challenge with a credential. */
  async answer(self: OwnCredential): Promise<void> {
    const { transcript } = await this.challenge();
    this.send(await provenJoin(self, transcript, DIALLED));
  }

  /** Greets, and asks to resume the stay of another connection. */
  async resume(
    self: OwnCredential,
    before: Pick<RawMember, "room" | "number" | "counted" | "sent">,
  ): Promise<void> {
    const { transcript } = await this.challenge();
    this.counted = before.counted;
    this.sent = before.sent;
    this.room = before.room;
    this.number = before.number;
    this.send(await provenResume(self, transcript, before));
    const isAnswered = () =>
      this.ended ||
      this.received.some(({ kind }) => kind === KIND.resumed || kind === KIND.unknown);
    await until(isAnswered, "the relay answers");
  }

  send(bytes: Bytes): void {
    if (isCounted(bytes[4]!)) this.sent += 1;
    this.#link.send(bytes);
  }

  /** Sends a sealed frame of zeros. */
  say(options: Partial<SealedOptions> = {}): void {
    this.send(sealedFrame({ sender: this.number, ...options }));
  }

  /** Sends a pair frame of zeros. */
  whisper(recipient: number, size?: number): void {
    this.send(pairFrame(this.number, recipient, size));
  }

  close(): void {
    this.#link.close();
  }

  /** The payloads of a kind that came. */
  frames(kind: number): Bytes[] {
    return this.received.filter((frame) => frame.kind === kind).map((frame) => frame.payload);
  }

  /** The pages of the roster that came. */
  get roster(): RosterPage[] {
    return this.frames(KIND.roster).map(readRosterPage);
  }

  /** The relay's last word. */
  get bye(): Reason | undefined {
    const [payload] = this.frames(KIND.bye);
    return payload === undefined ? undefined : readBye(payload);
  }
}
