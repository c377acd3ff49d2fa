/**
 * `parley info resolve`.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { readAddress } from "../../cli/host.ts";
import { printFailure, printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { tableLines } from "../../cli/table.ts";
import { recordText } from "../../info/dns/record.ts";
import { failuresOf, readRecordType, type Resolution, resolve } from "../../info/dns/resolve.ts";
import { lookUpHost } from "../../net/resolve_host.ts";
import { toFailure } from "../../os/errors.ts";
import type { Io, Page } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type { INFO_RESOLVE } from "./spec.ts";

/** Asks for the records of a name. */
export async function resolveName(
  { options, operands }: Input<typeof INFO_RESOLVE>,
  io: Io,
): Promise<number> {
  const [name, ...words] = operands.filter((operand) => !operand.startsWith("@"));
  if (name === undefined) throw usageFailure("info resolve", "NAME is missing");
  const types = [...new Set(words.map(readRecordType))];
  const resolutions = await resolve(name, {
    ...(types.length === 0 ? {} : { types }),
    server: await readServer(operands.filter((operand) => operand.startsWith("@"))),
    timeoutMs: options.timeout,
  });
  const failures = failuresOf(resolutions, types.length === 0);
  if (options.json) resolutions.flatMap(reports).forEach((each) => printJson(io, each));
  else {
    printLines(
      io,
      options.short ? resolutions.flatMap(texts) : await table(resolutions, io.output),
    );
    for (const failure of failures) printFailure(io, failure, options.debug);
  }
  return failures.length === 0 ? 0 : 1;
}

async function readServer(words: readonly string[]) {
  const [word, other] = words;
  if (word === undefined) return undefined;
  if (other !== undefined) {
    throw usageFailure(`cannot ask ${other} too`, "one server is asked at a time");
  }
  const { hostname, port } = readAddress(word.slice(1), 53);
  if (/^[\d.]+$|:/.test(hostname)) return { hostname, port };
  try {
    const [first] = await lookUpHost(hostname);
    return { hostname: first!.address, port };
  } catch (error) {
    throw toFailure(error, `cannot ask ${word}`);
  }
}

function reports({ data, failure, ...asked }: Resolution): Record<string, unknown>[] {
  const { name, unicode, type, server, local, time_ms } = asked;
  const shown = { name, ...(unicode === undefined ? {} : { unicode }), type };
  const how = { server, time_ms, local };
  if (failure === undefined) return data.map((each) => ({ ...shown, data: each, ...how }));
  const { code, why, hint } = failure;
  return [{ ...shown, error: { code, message: why, hint }, ...how }];
}

function texts({ type, data }: Resolution): string[] {
  return data.map((each) => printable(recordText(type, each)));
}

async function table(resolutions: readonly Resolution[], page: Page): Promise<string[]> {
  const rows = resolutions.flatMap((resolution) => {
    const { name, unicode, type, time_ms } = resolution;
    const shown = unicode === undefined ? name : `${printable(unicode)} (${name})`;
    return texts(resolution).map((text) => [shown, type, `${time_ms.toFixed(1)} ms`, text]);
  });
  if (rows.length === 0) return [];
  const titles = ["name", "type", "time", "data"];
  const paint = makeStyle(page.coloured).dim;
  return [
    ...await tableLines(rows, page, { titles, right: [2] }),
    "",
    ...await tableLines(sourceLines(resolutions).map((text) => [{ text, paint }]), page),
  ];
}

/** Who answered: a line for all types, or one for each that differs. */
function sourceLines(resolutions: readonly Resolution[]): string[] {
  const answered = resolutions.filter(({ data }) => data.length > 0);
  const sources = new Set(answered.map(sourceText));
  if (sources.size === 1) return [...sources];
  return answered.map((each) => `${each.type}: ${sourceText(each)}`);
}

function sourceText({ server, local }: Resolution): string {
  if (server !== null) return `server: ${server}`;
  if (local === true) {
    return "server: none, this machine answered (hosts file or localhost)";
  }
  return local === false
    ? "server: one of the system's"
    : "server: not known, run with --allow-net";
}
