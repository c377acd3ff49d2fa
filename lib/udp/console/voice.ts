/**
 * What the commands say: sentences to people, one JSON object a line to programs.
 *
 * Field names are an interface: later versions only add.
 *
 * @module
 */

import { printableJson } from "../../printable.ts";

/** Something that happened, in both voices. */
export interface Said {
  /** Lines for people, fit for a terminal. */
  readonly lines: readonly string[];
  /** The name of the event. */
  readonly event: string;
  /** Its fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The lines of what was said: those for people, or one of JSON with the time. */
export function voiced({ lines, event, fields }: Said, json: boolean): readonly string[] {
  return json ? [printableJson({ event, at: new Date().toISOString(), ...fields })] : lines;
}

/** An address as fields of an event. */
export function addressFields(
  { hostname, port }: Deno.NetAddr,
): { readonly host: string; readonly port: number } {
  return { host: hostname, port };
}

/** A number of things: `1 datagram`, `1,024 datagrams`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;
}
