/**
 * Names of the domain name system (RFC 1035 section 2.3.4), internationalized ones too (RFC 5891).
 *
 * @module
 */

import { usageFailure } from "../failure.ts";

/** A name as it goes out, and as it is read. */
export interface DnsName {
  /** ASCII, without a dot at the end: `xn--bcher-kva.example`; `.` is the root. */
  readonly ascii: string;
  /** In Unicode, where that differs: `bücher.example`. */
  readonly unicode: string | undefined;
}

/**
 * Reads a name.
 *
 * @param text A name, in ASCII or in Unicode.
 * @throws {Failure} `USAGE`, where it is none.
 */
export async function readDnsName(text: string): Promise<DnsName> {
  const given = text === "." ? "." : text.replace(/\.$/, "");
  const plain = /^[\x20-\x7e]*$/.test(given);
  const ascii = plain ? given.toLowerCase() : await toAscii(given);
  const wrong = whatIsWrong(ascii);
  if (wrong !== undefined) throw unreadable(text, wrong);
  const international = !plain || /(^|\.)xn--/.test(ascii);
  const unicode = international ? await toUnicode(ascii) : ascii;
  return { ascii, unicode: unicode === ascii ? undefined : unicode };
}

function whatIsWrong(name: string): string | undefined {
  if (name === ".") return undefined;
  if (name === "") return "it is empty";
  if (name.length > 253) return "it has more than 253 characters";
  const labels = name.split(".");
  const empty = labels.indexOf("");
  if (empty >= 0) return `label ${empty + 1} is empty`;
  const long = labels.find((label) => label.length > 63);
  if (long !== undefined) return `the label ${long.slice(0, 16)}… has more than 63 characters`;
  // Host names are stricter; names of other records are not (RFC 2181 section 11).
  const stranger = /[^\w*./+-]/.exec(name)?.[0];
  return stranger === undefined ? undefined : `${JSON.stringify(stranger)} is in no name`;
}

async function toAscii(text: string): Promise<string> {
  const { domainToASCII } = await import("node:url");
  const ascii = /[\s/?#@:%\\[\]]/.test(text) ? "" : domainToASCII(text);
  if (ascii === "") throw unreadable(text, "it is no internationalized name");
  return ascii;
}

async function toUnicode(ascii: string): Promise<string> {
  const { domainToUnicode } = await import("node:url");
  return domainToUnicode(ascii) || ascii; // "" where the punycode is wrong
}

function unreadable(text: string, why: string) {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return usageFailure(`cannot read the name ${JSON.stringify(shown)}`, why);
}
