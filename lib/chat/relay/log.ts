/**
 * The ordered log of a room: plain entries, each with a place. A room's state follows from them alone.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Marks } from "../identity/name.ts";
import type { Route } from "../wire/control.ts";
import type { SealedAddress } from "../wire/envelope.ts";
import type { Reason } from "../wire/kinds.ts";

/** An entry. Members are named by their numbers, entries by their places. */
export type Entry =
  | { readonly kind: "genesis"; readonly room: Bytes; readonly maxMembers: number }
  | JoinEntry
  | {
    readonly kind: "leave";
    readonly member: number;
    readonly reason: Reason;
    /** The payload of the member's `leave`, or empty. */
    readonly statement: Bytes;
  }
  /** The member has no connection, or does not read. No effect if it has an entry after `follows`. */
  | { readonly kind: "lost"; readonly member: number; readonly follows: number }
  | { readonly kind: "back"; readonly member: number }
  /** The grace of the member is over. No effect if it has an entry after the `lost` entry `follows`. */
  | { readonly kind: "expire"; readonly member: number; readonly follows: number }
  | { readonly kind: "renew"; readonly member: number; readonly renewal: Bytes }
  | { readonly kind: "frame"; readonly member: number; readonly frame: CountedFrame }
  /** Sealed frames of `sender`, from this message number on, are left out for `recipient`. */
  | {
    readonly kind: "behind";
    readonly sender: number;
    readonly recipient: number;
    readonly number: number;
  };

/** A join, with what the edge computed from the checked credential. */
export interface JoinEntry extends Required<Marks> {
  readonly kind: "join";
  /** The member's hash. */
  readonly member: Bytes;
  readonly fingerprint: string;
  readonly bytes: Bytes;
  readonly renewal: Bytes;
}

/** Counted frames of a member: one, or adjacent sealed frames with the same route and version. */
export type CountedFrame =
  | { readonly kind: "sealed"; readonly frames: number; readonly bytes: Bytes }
    & Omit<
      SealedAddress,
      "sender"
    >
  | { readonly kind: "pair"; readonly recipient: number; readonly bytes: Bytes }
  | { readonly kind: "here"; readonly bytes: Bytes }
  | { readonly kind: "route" } & Route
  | { readonly kind: "rejoin"; readonly recipient: number };

/** Gives entries their places and has each applied in that order. */
export interface Log {
  /** Appends an entry. It may be applied before this returns, or later. */
  append(entry: Entry): void;
}

/** A log in memory. It keeps no entry: what members still need is in what `apply` returned. */
export class MemoryLog implements Log {
  readonly #apply: (entry: Entry, place: number) => void;
  readonly #waiting: Entry[] = [];
  #place = 0;
  #applying = false;

  /** @param apply Applies an entry at its place. It may append others, which are applied after it. */
  constructor(apply: (entry: Entry, place: number) => void) {
    this.#apply = apply;
  }

  append(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#applying) return;
    this.#applying = true;
    try {
      while (this.#waiting.length > 0) this.#apply(this.#waiting.shift()!, ++this.#place);
    } finally {
      this.#applying = false;
    }
  }
}
