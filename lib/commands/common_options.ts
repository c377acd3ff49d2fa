/**
 * Options that several commands take in the same words.
 *
 * @module
 */

import { usageFailure } from "../base/failure.ts";

/** `--json` of a command that prints one object or more. */
export const JSON_LINES = {
  type: "flag",
  help: "One JSON object a line on stdout, and nothing else there",
} as const;

/** `--host` of a server. */
export const LISTEN_HOST = {
  type: "text",
  value: "HOST",
  form: "host",
  default: "127.0.0.1",
  help: "Address to listen on; 0.0.0.0 or :: for all",
} as const;

/** `--port` of a server, but for its default. */
export const LISTEN_PORT = {
  type: "integer",
  short: "p",
  value: "PORT",
  min: 0,
  max: 65_535,
  help: "Port to listen on; 0 picks a free one and says which",
} as const;

/**
 * The value of an option that must be given.
 *
 * @param name The option, and what stands for its value: `--key PRIV`.
 * @param value What was given.
 * @throws {Failure} Usage, where it was not.
 */
export function required(name: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw usageFailure(name, "it is missing", "--help lists what the command takes");
}
