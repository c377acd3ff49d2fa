/**
 * A log: one line an event, `key=value`, for those who run a relay.
 *
 * What is said in a room, keys and tokens are never given to it.
 *
 * @module
 */

import { printable } from "./printable.ts";

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
