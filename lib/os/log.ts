/**
 * A log: one line an event, `key=value`, for those who run a relay.
 *
 * What is said in a room, keys and tokens are never given to it.
 *
 * @module
 */

import { printable } from "../base/printable.ts";

/** From what must be looked at to what one wants to know of while looking. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** How much an event matters. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What an event is about. Undefined values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Words that need no quotes. */
const BARE = /^[\w.:+/@[\]-]+$/;

/** Writes those events down that matter enough. */
export class Log {
  readonly #depth: number;
  readonly #write: (line: string) => void;
  readonly #now: () => number;

  /**
   * @param level The level of the least important events to write; none without.
   * @param write Takes lines, each with its line feed.
   * @param now The time in milliseconds since 1970.
   */
  constructor(
    level: LogLevel | undefined,
    write: (line: string) => void,
    now: () => number = Date.now,
  ) {
    this.#depth = level === undefined ? -1 : LOG_LEVELS.indexOf(level);
    this.#write = write;
    this.#now = now;
  }

  /** Writes an event down, if its level is wanted. */
  write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) > this.#depth) return;
    const time = new Date(this.#now()).toISOString();
    const words = Object.entries({ time, level, event, ...fields }).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${logValue(value)}`]
    );
    this.#write(`${words.join(" ")}\n`);
  }
}

/** A value as it stands behind `key=`: on one line, printable, in quotes where it needs them. */
export function logValue(value: string | number): string {
  const text = String(value);
  return BARE.test(text) ? text : JSON.stringify(printable(text));
}

/** How much may wait for whatever takes the lines, in UTF-16 code units; lines beyond that are dropped. */
const MAX_WAITING = 1024 * 1024;
const LINE_FEED = 10;
const encoder = new TextEncoder();

/** What a log writes to: `Deno.stderr`, or a file. */
export interface LogTarget {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes a log's lines without waiting for the target. A log must not end or stop what it tells of: lines that the
 * target refuses (its reader has gone, its disk is full) or does not take in time are dropped and counted.
 */
export class LogSink {
  readonly #target: LogTarget;
  readonly #recovered: (lines: number) => void;
  #waiting: string[] = [];
  #length = 0;
  #dropped = 0;
  /** How many of the dropped lines the log itself has told of. */
  #told = 0;
  /** Whether the target ends with a part of a line. */
  #cut = false;
  #writing: Promise<void> | undefined;

  /**
   * @param target Takes the bytes.
   * @param recovered Hears, at the first write that succeeds after lines were dropped, how many they were.
   */
  constructor(target: LogTarget, recovered: (lines: number) => void) {
    this.#target = target;
    this.#recovered = recovered;
  }

  /** How many lines have been dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Writes a line soon, with its line feed, or drops it. */
  write(line: string): void {
    if (this.#length + line.length > MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#length += line.length;
    this.#writing ??= this.#drain();
  }

  /** A promise that every line so far has been written or dropped. */
  get flushed(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  async #drain(): Promise<void> {
    // Later in this turn: several events are one write.
    await undefined;
    while (this.#waiting.length > 0) {
      const text = (this.#cut ? "\n" : "") + this.#waiting.join("");
      this.#waiting = [];
      this.#length = 0;
      if (await this.#put(encoder.encode(text)) && this.#told < this.#dropped) {
        const lines = this.#dropped - this.#told;
        this.#told = this.#dropped;
        this.#recovered(lines);
      }
    }
    this.#writing = undefined;
  }

  /** Writes bytes, and counts the lines that end in what was not written. */
  async #put(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#target.write(rest));
      this.#cut = false;
      return true;
    } catch {
      // There is no other place to say so: the count is in the metrics, and in the log once it takes lines again.
      if (rest.length < bytes.length) {
        this.#cut = bytes[bytes.length - rest.length - 1] !== LINE_FEED;
      }
      const skipped = rest.length === bytes.length && bytes[0] === LINE_FEED ? 1 : 0;
      this.#dropped += rest.reduce((sum, byte) => sum + (byte === LINE_FEED ? 1 : 0), -skipped);
      return false;
    }
  }
}
