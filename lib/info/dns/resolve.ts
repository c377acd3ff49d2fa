/**
 * Names to records, by the domain name system.
 *
 * @module
 */

import { Failure, usageFailure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { nearest } from "../../base/nearest.ts";
import { toFailure } from "../../os/errors.ts";
import { readIp, reverseName } from "../address/address.ts";
import type { NameServer } from "./ask.ts";
import { isAnsweredHere, isTimeout, reasonFrom, systemServers } from "./name_servers.ts";
import {
  type AnyData,
  decodeTexts,
  type DnsName,
  readDnsName,
  RECORD_TYPES,
  type RecordType,
} from "./record.ts";

/** What was answered to one question, or why nothing was. */
export interface Resolution {
  /** The name that was asked for, in ASCII. */
  readonly name: string;
  /** The name in Unicode, where that differs. */
  readonly unicode: string | undefined;
  /** The type that was asked for. */
  readonly type: RecordType;
  /**
   * The server that answered, or did not, as `ADDRESS:PORT`; null where it is one of the system's and not
   * known which, and where none was asked.
   */
  readonly server: string | null;
  /**
   * Whether this machine answered by itself, from its hosts file or because the name is kept for it
   * (RFC 6761), and no server did; null where that is not known.
   */
  readonly local: boolean | null;
  /** How long it took, in milliseconds. */
  readonly time_ms: number;
  /** The data of each record; none where it failed. */
  readonly data: readonly AnyData[];
  /** Why there is none. */
  readonly failure: Failure | undefined;
}

/** Options of {@linkcode resolve}. */
export interface ResolveOptions {
  /** What to ask for; A and AAAA by default, or PTR for an address. */
  readonly types?: readonly RecordType[];
  /** Whom to ask; the system's name servers by default. */
  readonly server?: NameServer | undefined;
  /** The system's name servers, in its order; what it says they are by default. They are asked why. */
  readonly systemServers?: readonly NameServer[];
  /** How long to wait for each answer, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Why a question has no answer: the code, in words, and what to do. */
const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  NXDOMAIN: ["there is no such name", "check the spelling"],
  NODATA: ["the name has no such record", "it may have records of other types: name one, as MX"],
  SERVFAIL: [
    "the name server failed",
    "try again, or ask another server with @SERVER",
  ],
  REFUSED: [
    "the name server refuses to answer",
    "it may not serve that name: ask another server with @SERVER",
  ],
  TIMEOUT: [
    "no answer in time",
    "wait longer with --timeout, or ask another server with @SERVER",
  ],
  NO_ANSWER: [
    "no record, and the resolver does not say why",
    "--allow-sys lets parley ask the system's name server why; so does naming one with @SERVER",
  ],
};

/**
 * Asks for the records of a name, every type at the same time.
 *
 * A name that the hosts(5) file lists is answered from there, unless a server is named: then it is asked.
 *
 * @param text A name, also in Unicode; or an address, whose name (PTR) is asked for.
 * @param options Types, server and time.
 * @returns A resolution for each type, in order: a failure of one hides no other.
 * @throws {Failure} `USAGE`, where the name is none; `NOT_PERMITTED` without the network.
 *
 * @example
 * ```ts ignore
 * for (const { type, data } of await resolve("example.com", { types: ["MX"] })) console.log(type, data);
 * ```
 */
export async function resolve(text: string, options: ResolveOptions = {}): Promise<Resolution[]> {
  const { types, server, timeoutMs = 5000 } = options;
  const address = readLiteral(text);
  if (address !== undefined && types?.some((type) => type !== "PTR") === true) {
    throw usageFailure(`cannot ask for ${types.join(", ")} of ${text}`, "an address has PTR alone");
  }
  const name = await readDnsName(address === undefined ? text : reverseName(address));
  const wanted = types ?? (address === undefined ? ["A", "AAAA"] as const : ["PTR"] as const);
  const known = server === undefined ? options.systemServers ?? await systemServers() : [server];
  return await Promise.all(
    wanted.map((type) => ask({ name, type, chosen: server, known, timeoutMs })),
  );
}

/** The codes that say that there is no record, rather than that it is not known whether there is. */
const NO_RECORD: readonly string[] = ["NODATA", "NXDOMAIN", "NO_ANSWER"];

/**
 * The failures that matter, those of several types that fail alike as one. A name that was asked for
 * both A and AAAA, for want of other wishes, needs only one of them.
 *
 * @param resolutions What {@linkcode resolve} gave.
 * @param byDefault Whether no types were asked for.
 */
export function failuresOf(resolutions: readonly Resolution[], byDefault: boolean): Failure[] {
  const answered = resolutions.some(({ failure }) => failure === undefined);
  const byCode = new Map<string, { readonly types: string[]; readonly first: Resolution }>();
  for (const resolution of resolutions) {
    const code = resolution.failure?.code;
    if (code === undefined || (byDefault && answered && NO_RECORD.includes(code))) continue;
    const alike = byCode.get(code) ?? { types: [], first: resolution };
    alike.types.push(resolution.type);
    byCode.set(code, alike);
  }
  return [...byCode.values()].map(({ types, first: { name, unicode, failure } }) => {
    const { why, code, hint, cause } = failure!;
    return new Failure({ what: whatFailed(name, unicode, types), why, code, hint, cause });
  });
}

function whatFailed(
  name: string,
  unicode: string | undefined,
  types: readonly string[],
): string {
  const both = unicode === undefined ? name : `${unicode} (${name})`;
  return `cannot resolve ${both} ${types.join(", ")}`;
}

/**
 * Reads a record type.
 *
 * @param text As it is typed, in any case.
 * @throws {Failure} `USAGE`, with the nearest, where there is none such.
 */
export function readRecordType(text: string): RecordType {
  const type = RECORD_TYPES.find((each) => each === text.toUpperCase());
  if (type !== undefined) return type;
  const near = nearest(text.toUpperCase(), RECORD_TYPES);
  throw usageFailure(
    `no record type ${JSON.stringify(text.slice(0, 60))}`,
    `those that can be asked for are ${RECORD_TYPES.join(", ")}`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}

/** The bytes of an address, or undefined where the text is a name. */
function readLiteral(text: string): Uint8Array | undefined {
  if (!text.includes(":") && !/^\d+(\.\d+){3}$/.test(text)) return undefined;
  return readIp(text, { strict: true }).bytes;
}

interface Asked {
  readonly name: DnsName;
  readonly type: RecordType;
  /** The server that was named. */
  readonly chosen: NameServer | undefined;
  /** The servers that are asked, as far as that is known. */
  readonly known: readonly NameServer[];
  readonly timeoutMs: number;
}

async function ask({ name, type, chosen, known, timeoutMs }: Asked): Promise<Resolution> {
  const start = performance.now();
  const signal = AbortSignal.timeout(timeoutMs);
  let data: readonly AnyData[] = [];
  let local: boolean | undefined;
  let code: string | undefined;
  let cause: unknown;
  try {
    ({ data, local } = await lookUp(name.ascii, type, chosen, signal));
    if (data.length === 0) code = "NO_ANSWER";
  } catch (error) {
    code = isTimeout(error) ? "TIMEOUT" : error instanceof Deno.errors.NotFound ? "NO_ANSWER" : "";
    cause = error;
  }
  const took = performance.now() - start;
  // Of several, the runtime asks more than one at once: who answered is not known.
  const asked = local === false || code !== undefined;
  let server = asked && known.length === 1 ? known[0] : undefined;
  if (code === "NO_ANSWER") {
    const reason = await reasonFrom(known, name, type, signal);
    if (reason !== undefined) {
      ({ server, code } = reason);
      local = false;
    }
  }
  return {
    name: name.ascii,
    unicode: name.unicode,
    type,
    server: server === undefined ? null : hostPort(server),
    local: local ?? null,
    time_ms: Math.round(took * 100) / 100,
    data,
    failure: code === undefined
      ? undefined
      : failure(code, { name, type, cause, known, server, took }),
  };
}

interface Found {
  readonly data: readonly AnyData[];
  /** Whether this machine answered by itself, where that is known. */
  readonly local: boolean | undefined;
}

async function lookUp(
  name: string,
  type: RecordType,
  server: NameServer | undefined,
  signal: AbortSignal,
): Promise<Found> {
  // With the dot at its end it is a whole name, to which no search domain is added (resolv.conf(5)).
  const query = name.endsWith(".") ? name : `${name}.`;
  const local = await isAnsweredHere(query, type, signal);
  if (local === true && server !== undefined) {
    const { askForData } = await import("./ask.ts");
    return { data: await askForData(server, name, type as "A", signal), local: false };
  }
  const nameServer = server === undefined
    ? {}
    : { nameServer: { ipAddr: server.hostname, port: server.port } };
  const options = { signal, ...nameServer };
  const records = await Deno.resolveDns(query, type as Deno.RecordType, options);
  const data = type === "TXT" ? (records as string[][]).map(decodeTexts) : records as AnyData[];
  return { data, local };
}

function failure(
  code: string,
  { name, type, cause, known, server, took }: {
    readonly name: DnsName;
    readonly type: RecordType;
    readonly cause: unknown;
    readonly known: readonly NameServer[];
    readonly server: NameServer | undefined;
    readonly took: number;
  },
): Failure {
  const what = whatFailed(name.ascii, name.unicode, [type]);
  if (code === "") return toFailure(cause, what);
  const by = server === undefined ? "" : ` (${hostPort(server)})`;
  const [why, hint] = REASONS[code] ?? [`the name server replied ${code}${by}`, undefined];
  const waited = code === "TIMEOUT" ? `, ${Math.round(took)} ms${by}` : "";
  const silent = code === "NO_ANSWER" && known.length > 0;
  const who = server === undefined
    ? "none of the system's name servers says"
    : `${hostPort(server)} does not say`;
  return new Failure({
    what,
    why: silent ? `no record, and ${who} why` : why + waited,
    hint: silent ? "try again" : hint,
    code,
    cause,
  });
}
