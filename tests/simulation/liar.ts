/**
 * A relay that lies: between a real relay and its members it drops, holds back, reorders, changes, repeats and invents
 * frames, and acknowledges what it threw away.
 *
 * To each side it counts frames as that side does, so that nobody can tell by the counts.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../lib/base/bytes.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import { sign } from "../../lib/chat/identity/signing.ts";
import type { Link } from "../../lib/chat/link.ts";
import type { RelayConnection } from "../../lib/chat/relay/connection.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import {
  encodeCount,
  encodeEmpty,
  encodeProven,
  encodeResumeRequest,
  readCount,
  readResume,
  readRosterPage,
  type Resume,
  resumeStatement,
} from "../../lib/chat/wire/control.ts";
import { FrameReader } from "../../lib/chat/wire/frame.ts";
import { BOUND, isCounted, KIND, readGreeting } from "../../lib/chat/wire/kinds.ts";
import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";
import type { Lies } from "./lies.ts";
import { LyingStay, stayKey } from "./lying_stay.ts";

/** What a liar knows and uses. */
export interface LiarOptions {
  readonly relay: Relay;
  readonly lies: Lies;
  readonly clock: VirtualClock;
  readonly chance: Generator;
  /** Does something as the relay. */
  readonly do: (run: () => void) => void;
  /** All members that there ever were. */
  readonly members: () => readonly OwnCredential[];
  /** Whether a member's process runs. */
  readonly runs: (member: OwnCredential) => boolean;
  /** Hears that a member is shown somebody who is not there, by a number in its stay. */
  readonly relisted: (to: string, stay: string, number: number) => void;
  /**
   * Hears that a member is sent what ends its session: a room as it was before, since the relay had invented versions and
   * then forgot the member; or more than a relay may send before an acknowledgement.
   */
  readonly breaks: (to: string) => void;
  /** Hears that a frame with lines is carried to a member, and whether its sender was told of the same roster. */
  readonly carried: (to: string, frame: Bytes, agrees: () => boolean) => void;
  /** Returns the stay of the member with a number, as the relay counts. */
  readonly stayOf: (room: Bytes, number: number) => LyingStay | undefined;
}

/** A relay that lies. */
export class Liar {
  readonly options: LiarOptions;
  /** By member. */
  readonly stays = new Map<string, LyingStay>();
  /** By room and number: frames of those who have left may still be on their way. */
  readonly #all: Map<string, LyingStay>;

  /** Lies about what a relay does. */
  constructor(options: Omit<LiarOptions, "stayOf">) {
    const all = new Map<string, LyingStay>();
    this.#all = all;
    this.options = { ...options, stayOf: (room, number) => all.get(stayKey(room, number)) };
  }

  /** A member has come in. */
  add(key: string, stay: LyingStay): void {
    this.stays.set(key, stay);
    this.#all.set(stayKey(stay.room, stay.number), stay);
  }

  /** Returns the highest version of a room that a member was shown. */
  highestShown(self: string, room: Bytes): number {
    const stays = this.#all.values().filter((stay) =>
      stay.self === self && mapKey(stay.room) === mapKey(room)
    );
    return Math.max(0, ...stays.map(({ version }) => version));
  }

  /** Takes a member's connection. */
  connect(link: Link): LyingConnection {
    return new LyingConnection(this, link);
  }
}

/** A connection of a member to a liar, and the liar's own to the relay. */
export class LyingConnection {
  readonly #liar: Liar;
  readonly #link: Link;
  readonly #real: RelayConnection;
  readonly #fromMember = new FrameReader(() => BOUND.frame);
  readonly #fromRelay = new FrameReader(() => BOUND.frame);
  #greeting = new Uint8Array(0);
  #greeted = false;
  #transcript = new Uint8Array(0);
  #self: string | undefined;
  #stay: LyingStay | undefined;
  #resuming: Resume | undefined;
  #over = false;

  constructor(liar: Liar, link: Link) {
    this.#liar = liar;
    this.#link = link;
    const { relay, do: run } = liar.options;
    this.#real = relay.connect({
      waiting: 0,
      open: () => {},
      send: (bytes) => {
        const copy = bytes.slice();
        run(() => this.#receive(copy));
      },
      end: () => run(() => this.#end()),
      close: () => run(() => this.#end()),
    });
  }

  #end(): void {
    this.#over = true;
    this.#link.end();
  }

  /** The member's connection has ended. */
  disconnected(): void {
    this.#over = true;
    this.#stay?.left(this);
    this.#real.disconnected();
  }

  /** Sends a frame to the member. */
  toMember(frame: Bytes): void {
    if (!this.#over) this.#link.send(frame);
  }

  /** Sends a frame to the relay. */
  toRelay(frame: Bytes): void {
    this.#real.receive(frame.slice());
  }

  /** Receives from the member. */
  receive(bytes: Bytes): void {
    let rest = bytes;
    if (!this.#greeted) {
      this.#greeting = new Uint8Array([...this.#greeting, ...bytes]);
      const greeting = readGreeting(this.#greeting);
      if (greeting.state !== "whole") return;
      this.#greeted = true;
      rest = this.#greeting.slice(greeting.length);
      this.#greeting = this.#greeting.slice(0, greeting.length);
      this.toRelay(this.#greeting);
    }
    for (const { kind, bytes, payload } of this.#fromMember.push(rest)) {
      if (kind === KIND.resume) this.#resume(readResume(payload.slice()));
      else if (this.#stay !== undefined) this.#stay.fromMember(kind, bytes.slice());
      else {
        if (kind === KIND.join) this.#self = this.#memberOf(bytes);
        this.toRelay(bytes);
      }
    }
  }

  #memberOf(join: Bytes): string | undefined {
    const { members } = this.#liar.options;
    const length = new DataView(join.buffer, join.byteOffset).getUint16(5);
    const credential = mapKey(join.subarray(7, 7 + length));
    return members().find(({ bytes }) => mapKey(bytes) === credential)?.key;
  }

  #resume(resume: Resume): void {
    const { lies, members } = this.#liar.options;
    const key = mapKey(resume.member);
    const stay = this.#liar.stays.get(key);
    if (stay === undefined || mapKey(stay.room) !== mapKey(resume.room) || lies.tells("forget")) {
      this.#liar.stays.delete(key);
      return this.toMember(encodeEmpty(KIND.unknown));
    }
    this.#self = key;
    this.#resuming = resume;
    const { room, member } = resume;
    const { received, sent } = stay;
    const request = encodeResumeRequest({ room, member, received, sent });
    const { privateKey } = members().find((one) => one.key === key)!.keys.signing;
    const signing = sign(privateKey, resumeStatement(this.#transcript, request));
    signing.then((proof) => this.toRelay(encodeProven(KIND.resume, request, proof)));
  }

  /** Receives from the relay. */
  #receive(bytes: Bytes): void {
    for (const frame of this.#fromRelay.push(bytes)) this.#take(frame.kind, frame.bytes.slice());
    this.#stay?.acknowledge();
  }

  #take(kind: number, frame: Bytes): void {
    const payload = frame.subarray(5);
    if (kind === KIND.challenge) {
      this.#transcript = new Uint8Array([...this.#greeting, ...payload]);
    } else if (kind === KIND.resumed) return this.#resumed(readCount(payload));
    else if (kind === KIND.unknown) this.#liar.stays.delete(this.#self!);
    else if (kind === KIND.roster) return this.#admit(frame);
    else if (kind === KIND.accepted) return this.#stay?.accepted(readCount(payload));
    else if (this.#stay !== undefined) {
      if (isCounted(kind)) return this.#stay.fromRelay(kind, frame);
      if (kind === KIND.receipt || kind === KIND.ask) return this.#stay.uncounted(kind, frame);
    }
    this.toMember(frame);
  }

  #admit(frame: Bytes): void {
    const page = readRosterPage(frame.slice(5));
    const self = this.#self!;
    if (page.version < this.#liar.highestShown(self, page.room)) {
      this.#liar.options.breaks(self);
    }
    const stay = this.#stay ?? new LyingStay(this.#liar.options, page, self);
    this.#stay = stay;
    this.#liar.add(self, stay);
    stay.enter(this);
    this.toMember(stay.roster(page));
  }

  #resumed(count: number): void {
    const stay = this.#liar.stays.get(this.#self!)!;
    this.#stay = stay;
    stay.enter(this);
    this.toMember(encodeCount(KIND.resumed, stay.taken));
    stay.resumed(count, this.#resuming!.received);
  }
}
