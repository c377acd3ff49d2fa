/**
 * A room in one process: a relay, members through memory, a clock that stands still.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import type { Link } from "../../lib/chat/link.ts";
import { Member } from "../../lib/chat/member/member.ts";
import { IncomingStream } from "../../lib/chat/member/acknowledger.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import { EVERYONE, type Policy } from "../../lib/chat/member/roster.ts";
import type { RelayEvent, RelayOptions } from "../../lib/chat/relay/options.ts";
import { Relay } from "../../lib/chat/relay/relay.ts";
import { FrameReader } from "../../lib/chat/wire/frame.ts";
import { BOUND, KIND } from "../../lib/chat/wire/kinds.ts";
import { Clock, credentialOf, pooledKeys, until } from "./keys.ts";
import { linkToRelay } from "./links.ts";
import { quiet } from "./under_way.ts";

export { Clock, credentialOf, pooledKeys, until };

/** A member, and all that it was told. */
export interface Seat {
  readonly member: Member;
  readonly events: MemberEvent[];
  /** The frames that it has sent. */
  readonly sent: Bytes[];
  readonly self: OwnCredential;
  close(): void;
  /** Loses the connection, with what was on its way. */
  cut(): void;
  /** Makes another. */
  connect(): void;
  /** Whether what it is told counts as shown. */
  showing: boolean;
  /** Whether what its connection brings comes in. */
  receives: boolean;
  /** Whether what it sends arrives, the end of a connection among it; it is not told. */
  sends: boolean;
}

/** The texts that a member was shown, as `name: text`. */
export function shown(seat: Seat): string[] {
  return seat.events.flatMap((event) =>
    event.kind === "message" ? [`${event.from.credential.name}: ${event.text}`] : []
  );
}

/** The codes of the faults that a member was told of. */
export function faults(seat: Seat): string[] {
  return seat.events.flatMap((event) => event.kind === "fault" ? [event.code] : []);
}

/** How many events of a kind a member was told. */
export function count(seat: Seat, kind: MemberEvent["kind"]): number {
  return seat.events.filter((event) => event.kind === kind).length;
}

/** What a relay that lies does to a frame on its way to a member: the frames that arrive instead. */
export type Tamper = (frame: { kind: number; bytes: Bytes }) => readonly Bytes[];

/** Cuts what comes into frames and changes them. */
function tampering(tamper: Tamper, receive: (bytes: Bytes) => void): (bytes: Bytes) => void {
  const reader = new FrameReader(() => BOUND.frame);
  return (bytes) => {
    for (const frame of reader.push(bytes)) {
      for (const changed of tamper({ kind: frame.kind, bytes: frame.bytes.slice() })) {
        receive(changed);
      }
    }
  };
}

function withoutAcks(send: (bytes: Bytes) => void): (bytes: Bytes) => void {
  return (bytes) => {
    if (bytes[4] !== KIND.ack) send(bytes);
  };
}

/** A relay with members. */
export class TestRoom {
  readonly clock = new Clock();
  relay: Relay;
  readonly #options: RelayOptions;
  readonly relayEvents: RelayEvent[] = [];
  readonly seats: Seat[] = [];
  /** Whom members let read and be read, by their names; everyone without. */
  readonly policies = new Map<string, Policy>();
  /** Who hears what members are told, by their names, before it counts as shown. */
  readonly listeners = new Map<string, (event: MemberEvent) => void>();
  /** How long the credentials of those who join hold, in milliseconds. */
  lifeMs = 3_600_000;
  /** By how much members' clocks are ahead, by their names, in milliseconds. */
  readonly ahead = new Map<string, number>();
  /** What failed that no input explains. */
  readonly failures: unknown[] = [];

  constructor(options: RelayOptions = {}) {
    this.#options = {
      now: this.clock.now,
      event: (event) => this.relayEvents.push(event),
      fail: (error) => this.failures.push(error),
      ...options,
    };
    this.relay = new Relay(this.#options);
  }

  /** The relay is killed, and another is started in its place: nobody is connected to it yet. */
  restart(): void {
    for (const seat of this.seats) seat.cut();
    this.relay = new Relay(this.#options);
  }

  /** A member joins; it is in, and everyone has seen it, when the promise resolves. */
  async join(name: string, tamper?: Tamper): Promise<Seat> {
    const seat = await this.enter(name, tamper);
    await until(() => count(seat, "ready") === 1 || count(seat, "ended") === 1, `${name} is in`);
    await this.settle();
    return seat;
  }

  /** A member starts to join. */
  async enter(
    name: string,
    tamper?: Tamper,
    keyIndex: number = this.seats.length,
  ): Promise<Seat> {
    const ahead = this.ahead.get(name) ?? 0;
    const now = () => this.clock.now() + ahead;
    const self = await credentialOf(name, keyIndex, now, this.lifeMs);
    const events: MemberEvent[] = [];
    const options = {
      self,
      dialled: { host: "room.test", port: 4396 },
      policy: this.policies.get(name) ?? EVERYONE,
      now,
    };
    // A relay that lies does not mind what is acknowledged: its count is no longer that of the real one.
    let link: Link | undefined;
    const carry = (bytes: Bytes) => link?.send(bytes);
    const send = tamper === undefined ? carry : withoutAcks(carry);
    const listener = this.listeners.get(name);
    const member = new Member(options, {
      send: (bytes) => {
        seat.sent.push(bytes);
        if (seat.sends) send(bytes);
      },
      drop: () => cut(),
      event: (event) => {
        events.push(event);
        listener?.(event);
        if (seat.showing) queueMicrotask(() => member.displayed(events.length));
      },
      wake: () => {},
      fail: (error) => this.failures.push(error),
    });
    const connect = () => {
      const receive = (bytes: Bytes) => {
        if (own === link && seat.receives) member.receive(bytes);
      };
      const own: Link = linkToRelay(this.relay, {
        receive: tamper === undefined ? receive : tampering(tamper, receive),
        disconnected: () => own === link ? member.disconnected() : undefined,
      });
      link = own;
      member.connected();
    };
    const cut = () => {
      const own = link;
      link = undefined;
      if (seat.sends) own?.close();
      member.disconnected();
    };
    const seat: Seat = {
      member,
      self,
      events,
      sent: [],
      showing: true,
      receives: true,
      sends: true,
      close: () => link?.close(),
      cut,
      connect,
    };
    connect();
    this.seats.push(seat);
    return seat;
  }

  /** Waits until nothing more happens without the clock: no cryptography is under way, and nothing is told. */
  async settle(): Promise<void> {
    await quiet(
      () => this.seats.reduce((sum, { events, sent }) => sum + events.length + sent.length, 0),
      () => Promise.all(this.seats.map(({ member }) => member.settled)),
    );
    if (this.failures.length > 0) throw this.failures[0];
  }

  /** Time passes, and everyone looks at the clock. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.relay.tick();
    for (const { member } of this.seats) member.tick();
    await this.settle();
  }
}

/** Counts the messages that come to any member and have come to it before. Dispose of it at the end of the test. */
export class Copies implements Disposable {
  readonly #take = IncomingStream.prototype.take;
  count = 0;

  /** Starts to count. */
  constructor() {
    const [take, counted] = [this.#take, () => this.count++];
    IncomingStream.prototype.take = function (this: IncomingStream, number) {
      const arrival = take.call(this, number);
      if (arrival === "copy") counted();
      return arrival;
    };
  }

  [Symbol.dispose](): void {
    IncomingStream.prototype.take = this.#take;
  }
}
