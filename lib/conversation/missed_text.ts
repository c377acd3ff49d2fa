/**
 * What somebody has missed, in words.
 *
 * @module
 */

import { printable } from "../printable.ts";
import type { MissedSpan } from "../tcp_chat.ts";

/** How many names are listed. */
const MAX_NAMES = 3;
/** How much of a line is repeated, in characters. */
const MAX_QUOTED = 40;

/** Which line who has not shown. */
export function notShownText(text: string, missed: readonly string[]): string {
  const has = missed.length === 1 ? "has" : "have";
  return `not shown by ${namesText(missed)}, who ${has} left: "${quoted(text)}"`;
}

/** How many lines who has not shown. */
export function notShownByText(lines: number, missed: readonly string[]): string {
  const what = lines === 1 ? "1 message was" : `${lines} messages were`;
  const has = missed.length === 1 ? "has" : "have";
  return `${what} not shown by ${namesText(missed)}, who ${has} left`;
}

/** When something was said that did not come, by this machine's clock. */
export function missedText({ from, to }: MissedSpan): string {
  const [begin, end] = [new Date(from), new Date(to)];
  const isOneDay = dayOf(begin) === dayOf(end);
  const day = (date: Date) => isOneDay ? "" : `${dayOf(date)} `;
  const span = `${day(begin)}${timeOf(begin)} to ${day(end)}${timeOf(end)}`;
  return `you missed what was said from ${span}: you were away for too long`;
}

function namesText(names: readonly string[]): string {
  const listed = names.slice(0, MAX_NAMES).map(printable);
  const others = names.length - listed.length;
  const all = others > 0 ? [...listed, others === 1 ? "1 other" : `${others} others`] : listed;
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

function quoted(text: string): string {
  const [line = "", ...rest] = text.split("\n");
  const characters = [...line];
  const isWhole = rest.length === 0 && characters.length <= MAX_QUOTED;
  return printable(characters.slice(0, MAX_QUOTED).join("")) + (isWhole ? "" : "…");
}

function dayOf(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
}

function timeOf(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
