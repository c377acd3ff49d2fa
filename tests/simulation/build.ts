/**
 * What is simulated: the relay and the members as they are, or one of them broken on purpose.
 *
 * @module
 */

import type { MemberEvent, MemberOptions } from "../../lib/chat/member/options.ts";
import type { Policy } from "../../lib/chat/member/roster.ts";
import type { RelayOptions } from "../../lib/chat/relay/options.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import type { VirtualClock } from "./clock.ts";
import type { Process } from "./process.ts";

/** Breaks something, and returns what mends it. */
export type Break = () => () => void;

/** Replaces a method, or another property, of a class or an object. */
export function replacing<T extends object, K extends keyof T>(
  target: T,
  name: K,
  broken: (original: T[K]) => T[K],
): Break {
  return () => {
    const original = target[name];
    target[name] = broken(original);
    return () => void (target[name] = original);
  };
}

/** What may be broken on purpose, to see that it is noticed. */
export interface Build {
  /** Makes the relay. */
  readonly relay?: (options: RelayOptions, clock: VirtualClock) => Relay;
  /** What is broken while the run lasts. */
  readonly breaks?: readonly Break[];
  /** Hears what happens, for those who look at a run. */
  readonly tell?: (what: string) => void;
  /** Whether the relay lies; as the seed has it without. */
  readonly lies?: boolean;
  /** Whether one member lies; as the seed has it without. */
  readonly liars?: boolean;
  /** Whether one person invites another; as the seed has it without. */
  readonly invites?: boolean;
  /** Whether so much is said that a relay leaves out frames; as the seed has it without. */
  readonly loud?: boolean;
  /** Whether credentials run out; as the seed has it without. */
  readonly aged?: boolean;
  /** Changes whom members let read. */
  readonly policy?: (process: Process) => Policy;
  /** Changes how members are made. */
  readonly member?: () => Partial<MemberOptions>;
  /** Whether members say nothing of what was missed: neither who has not shown a line, nor what did not come. */
  readonly silent?: boolean;
  /** Whether members acknowledge what they have not displayed. */
  readonly hasty?: boolean;
}

/**
 * How long a day is in a run in which credentials run out, in virtual milliseconds: half of it is longer than a member
 * can be out of touch and yet in the room.
 */
export const DAY_MS = 300_000;
/** How long a member whose connection is lost is kept, in virtual milliseconds. */
export const GRACE_MS = 20_000;

/** An event that keeps to itself what was missed. */
export function withoutMissed(event: Extract<MemberEvent, { missed?: unknown }>): MemberEvent {
  const { missed: _missed, ...rest } = event;
  return rest;
}
