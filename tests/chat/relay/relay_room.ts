/**
 * A relay with raw members, a clock that stands still, and nothing of `seal/` and `member/`.
 *
 * @module
 */

import type { RelayEvent, RelayOptions } from "../../../lib/chat/relay/options.ts";
import { Relay } from "../../../lib/chat/relay/relay.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { Clock, credentialOf } from "../keys.ts";
import { RawMember } from "../raw_member.ts";
import { quiet } from "../under_way.ts";

/** A member and its credential. */
export interface Seat {
  readonly raw: RawMember;
  readonly self: OwnCredential;
}

/** A relay whose events and failures are kept. */
export class RelayRoom {
  readonly clock = new Clock();
  readonly events: RelayEvent[] = [];
  readonly failures: unknown[] = [];
  readonly relay: Relay;
  readonly #raws: RawMember[] = [];
  #keys = 0;

  constructor(options: RelayOptions = {}) {
    this.relay = new Relay({
      now: this.clock.now,
      event: (event) => this.events.push(event),
      fail: (error) => this.failures.push(error),
      ...options,
    });
  }

  /** Makes a credential with keys of its own. */
  credential(name: string, keyIndex: number = this.#keys++): Promise<OwnCredential> {
    return credentialOf(name, keyIndex, this.clock.now);
  }

  /** A member joins. */
  async join(name: string, roomName?: string, keyIndex?: number): Promise<Seat> {
    const self = await this.credential(name, keyIndex);
    return { self, raw: await this.enter(self, roomName) };
  }

  /** A member joins with a credential. */
  async enter(self: OwnCredential, roomName = ""): Promise<RawMember> {
    const raw = await RawMember.join(this.relay, self, roomName);
    this.#raws.push(raw);
    await this.settle();
    return raw;
  }

  /** A member resumes on another connection. */
  async resume({ self, raw }: Seat, counts: { counted?: number; sent?: number } = {}) {
    const { room, number, counted, sent } = raw;
    const next = new RawMember(this.relay);
    this.#raws.push(next);
    await next.resume(self, { room, number, counted, sent, ...counts });
    await this.settle();
    return next;
  }

  /** Waits until nothing more happens without the clock: no join is being checked, and nothing arrives. */
  async settle(): Promise<void> {
    await quiet(() => this.#raws.reduce((sum, { received }) => sum + received.length, 0));
    if (this.failures.length > 0) throw this.failures[0];
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.relay.tick();
    await this.settle();
  }
}

/** The numbers of the sealed frames that a member received. */
export function heard(raw: RawMember): number[] {
  return raw.frames(KIND.sealed).map((payload) => readSealed(payload).header.number);
}

/** The reasons for which connections were refused, and events of members as `kind name`. */
export function told(room: RelayRoom): string[] {
  return room.events.flatMap((event) => {
    if (event.kind === "refused") return [`refused ${event.reason}`];
    if (event.kind === "left") return [`left ${event.credential.name} ${event.reason}`];
    return "credential" in event ? [`${event.kind} ${event.credential.name}`] : [];
  });
}
