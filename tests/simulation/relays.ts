/**
 * Relays that do something else than they should.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { RelayOptions } from "../../lib/chat/relay/options.ts";
import { Relay } from "../../lib/chat/relay/relay.ts";
import type { RoomMember } from "../../lib/chat/relay/room_member.ts";
import type { VirtualClock } from "./clock.ts";

type To = Parameters<Relay["forward"]>[3];

/** A sender for whom nothing is counted. */
const NOBODY = {
  startBatch: () => ({ sender: { settled: () => {} }, before: 0, waiting: 0 }),
  settled: () => {},
  received: () => {},
} as unknown as RoomMember;

function without(
  relay: Relay,
  sender: RoomMember,
  to: To,
): { readonly members: readonly string[] } {
  const keys = "newest" in to
    ? relay.members().filter(({ number }) => number <= to.newest).map(({ credential }) =>
      credential.key
    )
    : to.members.values();
  return { members: [...keys.filter((key) => key !== sender.credential.key)] };
}

/** Forwards some frames twice, as one might that does not know whether the first time counted. */
export class StutteringRelay extends Relay {
  readonly #stutters: () => boolean;

  constructor(options: RelayOptions, stutters: () => boolean) {
    super(options);
    this.#stutters = stutters;
  }

  override forward(sender: RoomMember, frames: number, bytes: Bytes, to: To): number {
    const sent = super.forward(sender, frames, bytes, to);
    // Of one that this took out of the room nothing is forwarded any longer.
    if (this.#stutters() && this.member(sender.credential.member) === sender) {
      super.forward(NOBODY, frames, bytes, without(this, sender, to));
    }
    return sent;
  }
}

/** Keeps it to itself that credentials were renewed. */
export class SecretiveRelay extends Relay {
  override renew(): void {}
}

/** Keeps those whose queue is full, and drops what there is no room for. */
export class LossyRelay extends Relay {
  readonly #bounds: NonNullable<RelayOptions["queue"]>;

  constructor(options: RelayOptions) {
    super(options);
    this.#bounds = options.queue!;
  }

  #hasRoom({ outbox }: RoomMember, frames: number, bytes: Bytes): boolean {
    return outbox.sent - outbox.acknowledged + frames <= this.#bounds.frames &&
      outbox.bytes + bytes.length <= this.#bounds.bytes;
  }

  override forward(sender: RoomMember, frames: number, bytes: Bytes, to: To): number {
    const recipients = new Set(without(this, sender, to).members);
    const withRoom = this.members().filter((member) =>
      recipients.has(member.credential.key) && this.#hasRoom(member, frames, bytes)
    );
    const members = [...withRoom.map(({ credential }) => credential.key)];
    return super.forward(sender, frames, bytes, { members });
  }
}

/** Says that frames have arrived before it has queued them for anybody. */
export class HastyRelay extends Relay {
  readonly #clock: VirtualClock;

  constructor(options: RelayOptions, clock: VirtualClock) {
    super(options);
    this.#clock = clock;
  }

  override forward(sender: RoomMember, frames: number, bytes: Bytes, to: To): number {
    const recipients = without(this, sender, to);
    sender.received(frames);
    this.#clock.after(50, () => super.forward(NOBODY, frames, bytes, recipients));
    return 0;
  }
}
