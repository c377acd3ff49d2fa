/**
 * The streams of message numbers that come from other members: what was taken, what is missing, what is a copy.
 *
 * @module
 */

import { type Progress, STREAM, type Stream, STREAMS } from "../wire/content.ts";

/** The most gaps that are kept of a stream. */
export const MAX_GAPS = 256;

/** A range of numbers, both ends included. */
interface Range {
  from: number;
  to: number;
}

/** What a message's number says of it. */
export type Arrival = "new" | "late" | "copy";

/** One stream of one sender, as one recipient sees it. */
export class IncomingStream {
  /** The ranges at or below {@linkcode seen} that are missing, in ascending order. */
  readonly #gaps: Range[] = [];
  #seen = 0;
  #withheld = 0;

  /** The highest number that is known. */
  get seen(): number {
    return this.#seen;
  }

  /** Every message up to this number that is addressed to the recipient has been taken or given up. */
  get through(): number {
    return (this.#gaps[0]?.from ?? this.#seen + 1) - 1;
  }

  /** The state as a receipt says it. */
  progress(stream: Stream): Progress {
    return { stream, through: this.through, seen: this.#seen, withheld: this.#withheld };
  }

  /** The message with a number counts as taken, and is not shown to the person. */
  withhold(number: number): void {
    this.#withheld = Math.max(this.#withheld, number);
  }

  /**
   * Learns that all numbers up to `last` are addressed to the recipient.
   *
   * @returns The number of messages that are newly found missing.
   */
  reach(last: number): number {
    if (last <= this.#seen) return 0;
    const missing = last - this.#seen;
    const newest = this.#gaps.at(-1);
    if (newest?.to === this.#seen) newest.to = last;
    else this.#gaps.push({ from: this.#seen + 1, to: last });
    this.#seen = last;
    this.#forgetOldest();
    return missing;
  }

  /**
   * Learns that `last` is the number before `number` that is addressed to the recipient.
   *
   * @returns The number of messages that are newly found missing.
   */
  link(number: number, last: number): number {
    const missing = this.reach(last);
    this.#close(last + 1, number - 1);
    this.#seen = Math.max(this.#seen, number - 1);
    return missing;
  }

  /** Takes a message. The numbers before it have been reached or linked. */
  take(number: number): Arrival {
    if (number > this.#seen) {
      this.reach(number - 1);
      this.#seen = number;
      return "new";
    }
    return this.#close(number, number) ? "late" : "copy";
  }

  /**
   * Learns that no message at or below a number will come.
   *
   * @returns The number of messages that are newly found missing.
   */
  gone(number: number): number {
    const missing = this.reach(number);
    this.#close(1, number);
    return missing;
  }

  /**
   * Removes a range from the gaps.
   *
   * @returns Whether a part of it was in a gap.
   */
  #close(from: number, to: number): boolean {
    let at = this.#gaps.findIndex((gap) => gap.to >= from);
    if (at < 0 || from > to) return false;
    let closed = false;
    while (at < this.#gaps.length && this.#gaps[at]!.from <= to) {
      const gap = this.#gaps[at]!;
      const rest: Range[] = [];
      if (gap.from < from) rest.push({ from: gap.from, to: from - 1 });
      if (gap.to > to) rest.push({ from: to + 1, to: gap.to });
      this.#gaps.splice(at, 1, ...rest);
      at += rest.length;
      closed = true;
    }
    this.#forgetOldest();
    return closed;
  }

  /** Closes the oldest gap if there are too many. What is taken out of the middle of a gap leaves two. */
  #forgetOldest(): void {
    if (this.#gaps.length > MAX_GAPS) this.withhold(this.#gaps.shift()!.to);
  }
}

/** The streams of one sender. */
export class SenderStreams {
  readonly #streams: Readonly<Record<Stream, IncomingStream>> = {
    [STREAM.group]: new IncomingStream(),
    [STREAM.private]: new IncomingStream(),
  };

  /** Returns one of the streams. */
  of(stream: Stream): IncomingStream {
    return this.#streams[stream];
  }

  /** The state of all streams. */
  get progress(): Progress[] {
    return STREAMS.map((stream) => this.#streams[stream].progress(stream));
  }
}

/** The most senders that are remembered, besides contacts. */
export const MAX_SENDERS = 16_384;

/** The streams of all senders. They outlive rooms. */
export class Streams {
  readonly #senders = new Map<string, SenderStreams>();

  /** The number of senders that are remembered. */
  get size(): number {
    return this.#senders.size;
  }

  /**
   * Returns the streams of a sender, and marks it as the one that was used last.
   *
   * @param key The sender's hash as a map key.
   * @param isContact Whether a sender is a contact. Contacts are never forgotten.
   */
  of(key: string, isContact: (key: string) => boolean): SenderStreams {
    const known = this.#senders.get(key) ?? new SenderStreams();
    this.#senders.delete(key);
    if (this.#senders.size >= MAX_SENDERS) this.#forget(isContact);
    this.#senders.set(key, known);
    return known;
  }

  #forget(isContact: (key: string) => boolean): void {
    for (const key of this.#senders.keys()) {
      if (isContact(key)) continue;
      this.#senders.delete(key);
      return;
    }
  }
}
