/**
 * The numbers by which a relay that lies names members to one of them: another history has other numbers.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";

/** Stands for nobody. */
const NOBODY = 0;

/** The room as one member was shown it, and as it is. */
export class Numbering {
  /** The credentials that the member was shown, by the numbers that it was shown. */
  readonly shown = new Map<number, Bytes>();
  readonly #own = new Map<number, number>();
  readonly #real = new Map<number, number>();
  readonly #hidden = new Set<number>();
  /** The version that the member was shown last. */
  version: number;
  /** The member's own number. */
  readonly self: number;

  /** Starts with the roster of a newcomer. */
  constructor(version: number) {
    this.version = version + 1;
    this.self = this.version;
  }

  /** Hides a member. */
  hide(real: number): void {
    this.#hidden.add(real);
  }

  /** Whether a member was hidden. */
  hides(real: number): boolean {
    return this.#hidden.has(real);
  }

  /** A joining is told. */
  joins(real: number, credential: Bytes): number {
    const own = this.insert(credential);
    this.#own.set(real, own);
    this.#real.set(own, real);
    return own;
  }

  /** A joining is told that never was. */
  insert(credential: Bytes): number {
    this.version += 1;
    this.shown.set(this.version, credential);
    this.#real.set(this.version, NOBODY);
    return this.version;
  }

  /** A leaving is told. */
  leaves(own: number): number {
    this.shown.delete(own);
    return ++this.version;
  }

  /** How the member knows another one. */
  own(real: number): number {
    if (this.#hidden.has(real)) return NOBODY;
    return this.#own.get(real) ?? real;
  }

  /** Whom the member means. */
  real(own: number): number {
    return this.#real.get(own) ?? own;
  }

  /** Names the members in a frame on its way to the member as it knows them. */
  toMember(frame: Bytes): Bytes {
    return rename(frame, (real) => this.own(real), [
      KIND.pair,
      KIND.sealed,
      KIND.here,
      KIND.behind,
      KIND.away,
      KIND.back,
    ]);
  }

  /** Names the members in a frame of the member as they are. */
  fromMember(frame: Bytes): Bytes {
    return rename(frame, (own) => this.real(own), [KIND.rejoin]);
  }
}

const PAYLOAD = 5;

/** Renames members in a frame; `first` are the kinds whose first field is one. */
function rename(frame: Bytes, name: (number: number) => number, first: readonly number[]): Bytes {
  const bytes = frame.slice();
  const view = new DataView(bytes.buffer);
  const change = (at: number) => view.setUint32(at, name(view.getUint32(at)));
  const kind = bytes[4]!;
  if (first.includes(kind)) change(PAYLOAD);
  if (kind === KIND.pair) change(PAYLOAD + 4);
  if (kind === KIND.route) { for (let at = PAYLOAD + 2; at < bytes.length; at += 4) change(at); }
  if (kind === KIND.receipt || kind === KIND.ask) {
    for (let at = PAYLOAD + 2; at < bytes.length; at += 20 + view.getUint16(at + 18)) change(at);
  }
  return bytes;
}
