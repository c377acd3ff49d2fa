/**
 * The errors of sockets, live: each is provoked on the loopback, caught, and shown for what it is.
 *
 * What they mean and what to do about them is the table of `lib/base/failure.ts`, by which parley explains
 * its own failures.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { nearest } from "../../base/nearest.ts";
import { errorClass, errorCode, SOCKET_ERRORS } from "../../os/errors.ts";
import { isGranted } from "../../os/process.ts";
import { PROVOCATIONS } from "./provocations.ts";

/** A socket error, and what came of provoking it. */
export interface SocketErrorReport {
  /** Its POSIX name: `ECONNREFUSED`. */
  readonly code: string;
  /** Its number on this system, or null where it is none of errno(3). */
  readonly errno: number | null;
  /** The class by which the runtime reports it, or null where it has none of its own. */
  readonly class: string | null;
  /** What it means. */
  readonly why: string;
  /** What to do about it. */
  readonly hint: string;
  /** Whether it was provoked, just now. */
  readonly provoked: boolean;
  /** What provoked it, or why nothing did. */
  readonly by: string;
}

/**
 * Provokes socket errors, all at the same time.
 *
 * @param codes Which; all of the table by default.
 * @returns A report for each, in order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { provokeSocketErrors } from "./socket_errors.ts";
 *
 * const [report] = await provokeSocketErrors(["ECONNREFUSED"]);
 * assertEquals([report?.class, report?.provoked], ["Deno.errors.ConnectionRefused", true]);
 * ```
 */
export async function provokeSocketErrors(
  codes: readonly string[] = Object.keys(SOCKET_ERRORS),
): Promise<SocketErrorReport[]> {
  const { constants } = await import("node:os");
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  return await Promise.all(codes.map(async (code) => {
    const { error, by } = await provoke(code);
    return {
      code,
      errno: numbers[code] ?? null,
      class: error === undefined ? knownClass(code) : className(error),
      ...SOCKET_ERRORS[code]!,
      provoked: error !== undefined,
      by,
    };
  }));
}

/**
 * The code that somebody means.
 *
 * @param text A POSIX name, in any case, or a number of errno(3) on this system.
 * @throws {Failure} `UNKNOWN_ERROR`, with the nearest, where the table has none such.
 */
export async function readErrorCode(text: string): Promise<string> {
  const codes = Object.keys(SOCKET_ERRORS);
  const { constants } = await import("node:os");
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  const code = codes.find((each) =>
    each === text.toUpperCase() || String(numbers[each] ?? "") === text
  );
  if (code !== undefined) return code;
  const near = nearest(text.toUpperCase().slice(0, 32), codes);
  throw new Failure({
    what: `no socket error ${JSON.stringify(text.slice(0, 60))}`,
    why: "it is not in the table",
    code: "UNKNOWN_ERROR",
    hint: near === undefined ? "parley info errors lists them" : `did you mean ${near}?`,
  });
}

/** What was thrown, where it was the error that was wanted, and what led to it or did not. */
async function provoke(code: string): Promise<{ readonly error?: Error; readonly by: string }> {
  const provocation = PROVOCATIONS[code];
  if (provocation === undefined) return { by: "it cannot be provoked on the loopback" };
  if (typeof provocation === "string") return { by: provocation };
  const unpermitted = { by: `${provocation.by} takes the network: run with --allow-net` };
  if (!isGranted({ name: "net", host: "127.0.0.1" })) return unpermitted;
  try {
    await provocation.run();
  } catch (error) {
    // Some go beyond the loopback; node:dns says EPERM where the permission is missing.
    const refused = errorCode(error) === "EPERM" && !isGranted({ name: "net" });
    if (refused || error instanceof Deno.errors.NotCapable) return unpermitted;
    if (error instanceof Error && errorCode(error) === code) return { error, by: provocation.by };
    return { by: `${provocation.by} gave ${errorCode(error) ?? String(error)} here` };
  }
  return { by: `${provocation.by} ${provocation.otherwise ?? "failed in no way here"}` };
}

function knownClass(code: string): string | null {
  const name = errorClass(code);
  return name === undefined ? null : `Deno.errors.${name}`;
}

function className(error: Error): string {
  const name = error.constructor.name;
  if (error instanceof DOMException) return `DOMException, named ${error.name}`;
  return name in Deno.errors ? `Deno.errors.${name}` : name;
}
