/**
 * What a relay that lies does to the frames of one member, in both directions.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../lib/base/bytes.ts";
import {
  encodeBehind,
  encodeCount,
  encodeJoined,
  encodeLeft,
  encodeListing,
  encodeMember,
  readJoined,
  readLeft,
  type RosterPage,
} from "../../lib/chat/wire/control.ts";
import { encodeLeavePayload } from "../../lib/chat/wire/history.ts";
import { isCounted, KIND, RELAY_WINDOW } from "../../lib/chat/wire/kinds.ts";
import { encodeRosterPage } from "../chat/raw_frames.ts";
import type { LiarOptions, LyingConnection } from "./liar.ts";
import { Numbering } from "./numbering.ts";

const NOTHING: Bytes = new Uint8Array(0);
/** So many frames are remembered, to be sent again. */
const REMEMBERED = 60;
/** The kinds of frame that a member can do without for a while. */
const LOSSY: readonly number[] = [
  ...[KIND.here, KIND.pair, KIND.sealed, KIND.receipt, KIND.ask],
  ...[KIND.away, KIND.back, KIND.behind],
];

/** Names the stay of a member that has a number in a room. */
export function stayKey(room: Bytes, number: number): string {
  return `${mapKey(room)} ${number}`;
}

/** A member's stay with a relay that lies. */
export class LyingStay {
  readonly room: Bytes;
  /** The number of counted frames that came from the relay. */
  received = 0;
  /** The number of counted frames that came from the member. */
  taken = 0;
  readonly #options: LiarOptions;
  /** The member's hash as a map key. */
  readonly self: string;
  readonly #numbers: Numbering;
  /** What the member was told of the roster, by version. */
  readonly #events = new Map<number, string>();
  /** Whether the roster that it was sent was not the relay's. */
  #omits = false;
  #connection: LyingConnection | undefined;
  /** The counted frames for the member, since the one that it acknowledged last. */
  #out: Bytes[] = [];
  #outBytes = 0;
  #acknowledged = 0;
  /** The counted frames of the member that the relay has not accepted. */
  #up: Bytes[] = [];
  #accepted = 0;
  /** Whether the member has said anything, so that the relay may forget its roster. */
  #spoke = false;
  readonly #past: Bytes[] = [];
  /** The newest `here` of those whom the member was shown, by credential. */
  readonly #heres = new Map<string, Bytes>();

  /** Starts with the first page of its roster. */
  constructor(options: LiarOptions, { room, version }: RosterPage, self: string) {
    this.#options = options;
    this.room = room.slice();
    this.self = self;
    this.#numbers = new Numbering(version);
  }

  /** The number of counted frames that were sent to the relay. */
  get sent(): number {
    return this.#accepted + this.#up.length;
  }

  /** The member has a connection. */
  enter(connection: LyingConnection): void {
    this.#connection = connection;
  }

  /** A connection of the member has ended. */
  left(connection: LyingConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
  }

  /** Changes a page of the roster. */
  roster(page: RosterPage): Bytes {
    const { lies } = this.#options;
    const listings = page.listings.filter(({ number }) => {
      const omits = lies.tells("omit");
      if (omits) this.#numbers.hide(number);
      this.#omits ||= omits;
      return !omits;
    });
    for (const { number, credential } of listings) {
      this.#numbers.shown.set(number, credential.slice());
    }
    return encodeRosterPage(page, listings.map(encodeListing));
  }

  #noteHere(frame: Bytes): void {
    const credential = this.#numbers.shown.get(new DataView(frame.buffer).getUint32(5));
    if (credential !== undefined) this.#heres.set(mapKey(credential), frame);
  }

  /** Shows the member again what one who is shown to have joined said in an earlier stay, under its new number. */
  #sayAgain(credential: Bytes, number: number): void {
    const here = this.#heres.get(mapKey(credential))?.slice();
    if (here === undefined) return;
    new DataView(here.buffer).setUint32(5, number);
    this.#send(KIND.here, here);
  }

  // From the relay to the member.

  /** The relay resumes the stay, and the member wants what follows so many frames. */
  resumed(accepted: number, received: number): void {
    this.accepted(accepted);
    for (const frame of this.#up) this.#connection!.toRelay(frame);
    for (const frame of this.#out.slice(received - this.#acknowledged)) {
      this.#connection!.toMember(frame);
    }
  }

  /** The version of the room that the member was shown last. */
  get version(): number {
    return this.#numbers.version;
  }

  /** Whether the member was told the same of the roster as another one, up to a version. */
  agrees(other: LyingStay, version: number): boolean {
    if (this.#omits || other.#omits || version > this.#numbers.version) return false;
    const both = Math.max(this.#numbers.self, other.#numbers.self);
    for (let at = both + 1; at <= version; at++) {
      if (this.#events.get(at) !== other.#events.get(at)) return false;
    }
    return true;
  }

  /** Notes whether the member may show what a frame carries: its sender has told of the same roster. */
  #inspect(kind: number, frame: Bytes): void {
    if (kind !== KIND.sealed && kind !== KIND.pair) return;
    const { stayOf, carried } = this.#options;
    const view = new DataView(frame.buffer, frame.byteOffset);
    const sender = stayOf(this.room, view.getUint32(5));
    const version = view.getUint32(kind === KIND.sealed ? 22 : 19);
    carried(this.self, frame, () => sender !== undefined && this.agrees(sender, version));
  }

  /** The member's own number, as the relay knows it. */
  get number(): number {
    return this.#numbers.self;
  }

  /** A counted frame comes from the relay. */
  fromRelay(kind: number, frame: Bytes): void {
    this.received += 1;
    this.#inspect(kind, frame);
    if (kind === KIND.joined) this.#joined(frame);
    else if (kind === KIND.left) this.#left(frame);
    else this.#carry(kind, this.#numbers.toMember(frame));
    if (kind === KIND.here) this.#noteHere(this.#numbers.toMember(frame));
    this.#invent();
  }

  /** A frame comes from the relay that is not counted. */
  uncounted(kind: number, frame: Bytes): void {
    this.#carry(kind, this.#numbers.toMember(frame));
  }

  /**
   * Tells the relay that its frames have come, once the member has said anything. For a process that has ended it says
   * nothing: the relay would hear it for ever.
   */
  acknowledge(): void {
    const { members, runs } = this.#options;
    const isRun = this.#spoke && members().some((one) => one.key === this.self && runs(one));
    if (isRun) this.#connection?.toRelay(encodeCount(KIND.ack, this.received));
  }

  #send(kind: number, frame: Bytes): void {
    if (isCounted(kind)) {
      this.#out.push(frame);
      this.#outBytes += frame.length;
      const { frames, bytes } = RELAY_WINDOW;
      const isMore = this.#out.length > frames || this.#outBytes > bytes;
      if (isMore) this.#options.breaks(this.self);
    }
    this.#connection?.toMember(frame);
  }

  /** Carries a frame to the member, or not, or not now, or not as it is. */
  #carry(kind: number, frame: Bytes): void {
    const { lies, chance } = this.#options;
    if (!LOSSY.includes(kind) || !lies.areTold) return this.#send(kind, frame);
    if (lies.tells("drop")) return;
    if (lies.tells("hold")) return this.#later(chance.int(500, 30_000), kind, frame);
    if (lies.tells("swap")) return this.#later(chance.int(10, 300), kind, frame);
    this.#send(kind, lies.tells("change") ? this.#changed(frame) : frame);
    if (lies.tells("double")) this.#send(kind, frame);
    if (lies.tells("replay") && this.#past.length > 0) {
      const old = chance.pick(this.#past);
      this.#send(old[4]!, old);
    }
    this.#past.push(frame);
    if (this.#past.length > REMEMBERED) this.#past.shift();
  }

  #later(ms: number, kind: number, frame: Bytes): void {
    this.#options.clock.after(ms, () => this.#options.do(() => this.#send(kind, frame)));
  }

  /** Changes a byte near the end, where ciphertexts and signatures are. */
  #changed(frame: Bytes): Bytes {
    if (frame.length < 60) return frame;
    const copy = frame.slice();
    copy[copy.length - this.#options.chance.int(1, 20)]! ^= this.#options.chance.int(1, 255);
    return copy;
  }

  #joined(frame: Bytes): void {
    const { lies } = this.#options;
    const { number: real, credential, renewal } = readJoined(frame.slice(5));
    if (lies.tells("hide")) return this.#numbers.hide(real);
    const absent = lies.tells("exchange") ? this.#absent() : undefined;
    const shown = absent ?? credential;
    const number = this.#numbers.joins(real, shown.slice());
    this.#events.set(number, `joined ${mapKey(shown)}`);
    if (absent !== undefined) {
      this.#options.relisted(this.self, stayKey(this.room, this.number), number);
    }
    this.#send(KIND.joined, encodeJoined({ number, credential: shown, renewal }));
  }

  #left(frame: Bytes): void {
    const left = readLeft(frame.slice(5));
    if (this.#numbers.hides(left.member)) return;
    this.#tellLeft({ ...left, member: this.#numbers.own(left.member) });
  }

  #tellLeft(left: Omit<Parameters<typeof encodeLeft>[0], "version">): void {
    if (!this.#numbers.shown.has(left.member) && left.member !== this.#numbers.self) return;
    const who = this.#numbers.shown.get(left.member);
    const version = this.#numbers.leaves(left.member);
    this.#events.set(version, `left ${who && mapKey(who)}`);
    this.#send(KIND.left, encodeLeft({ ...left, version }));
  }

  /** Returns the credential of somebody whose process has ended. */
  #absent(): Bytes | undefined {
    const { members, runs, chance } = this.#options;
    const shown = new Set(this.#numbers.shown.values().map(mapKey));
    const absent = members().filter((one) => !runs(one) && !shown.has(mapKey(one.bytes)));
    if (absent.length === 0) return undefined;
    return chance.pick(absent).bytes;
  }

  /** Says what never happened. */
  #invent(): void {
    const { lies, chance } = this.#options;
    const shown = [...this.#numbers.shown.keys()];
    if (shown.length === 0) return;
    const member = chance.pick(shown);
    if (lies.tells("behind")) {
      const number = chance.int(0, 40);
      this.#send(KIND.behind, encodeBehind({ member, number }));
    }
    if (lies.tells("presence")) {
      const kind = chance.chance(0.5) ? KIND.away : KIND.back;
      this.#send(kind, encodeMember(kind, member));
    }
    if (lies.tells("expel")) {
      const reason = chance.chance(0.5) ? "LEFT" : "LOST";
      const signed = encodeLeavePayload({
        version: this.#numbers.version,
        signature: chance.bytes(64),
      });
      const statement = reason === "LEFT" && chance.chance(0.5) ? signed : NOTHING;
      this.#tellLeft({ member, reason, statement });
    }
    const credential = lies.tells("relist") ? this.#absent() : undefined;
    if (credential !== undefined) {
      const number = this.#numbers.insert(credential);
      this.#events.set(number, `joined ${mapKey(credential)}`);
      this.#options.relisted(this.self, stayKey(this.room, this.number), number);
      this.#send(KIND.joined, encodeJoined({ number, credential, renewal: NOTHING }));
      this.#sayAgain(credential, number);
    }
  }

  // From the member to the relay.

  /** The relay has accepted so many frames. */
  accepted(count: number): void {
    this.#up = this.#up.slice(count - this.#accepted);
    this.#accepted = count;
  }

  /** A frame comes from the member. */
  fromMember(kind: number, frame: Bytes): void {
    const { lies, chance } = this.#options;
    if (kind === KIND.ack) return this.#acked(frame);
    const real = this.#numbers.fromMember(frame);
    if (isCounted(kind)) {
      this.#spoke = true;
      this.taken += 1;
      this.#accept();
    }
    const isLossy = kind !== KIND.route && (isCounted(kind) || LOSSY.includes(kind));
    if (isLossy && lies.tells("swallow")) return;
    if (isLossy && kind !== KIND.sealed && lies.tells("hold")) {
      return this.#options.clock.after(
        chance.int(100, 5_000),
        () => this.#options.do(() => this.#pass(kind, real)),
      );
    }
    this.#pass(kind, real);
  }

  #pass(kind: number, frame: Bytes): void {
    if (isCounted(kind)) this.#up.push(frame);
    this.#connection?.toRelay(frame);
  }

  /** Says that everything has been accepted, whatever becomes of it. */
  #accept(): void {
    this.#connection?.toMember(encodeCount(KIND.accepted, this.taken));
  }

  #acked(frame: Bytes): void {
    const count = Number(new DataView(frame.buffer).getBigUint64(3) & 0xffff_ffff_ffffn);
    for (const { length } of this.#out.splice(0, count - this.#acknowledged)) {
      this.#outBytes -= length;
    }
    this.#acknowledged = count;
    this.#spoke = true;
    this.acknowledge();
  }
}
