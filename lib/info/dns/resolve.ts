/**
 * Resolves names to records: through name servers, or through the resolver of the runtime.
 *
 * @module
 */

import { TimeLimit } from "../../base/clock.ts";
import { Failure, usageFailure } from "../../base/failure.ts";
import { isGranted } from "../../os/io.ts";
import {
  type Answer,
  askInTurn,
  type Found,
  isTimeout,
  lookupFailure,
  messageFacts,
  NO_RECORD,
  type ReplyFacts,
  whatFailed,
} from "./answer.ts";
import type { AskOptions, Transport } from "./ask.ts";
import { stringOf } from "./fields.ts";
import { EDNS_OPTIONS, type EdnsOption } from "./message.ts";
import {
  candidates,
  decimalEscape,
  type DnsName,
  isAnsweredHere,
  type NameServer,
  readDnsName,
  type SearchList,
  serverText,
  systemServers,
  whole,
} from "./name.ts";
import {
  type AnyData,
  type DnsRecord,
  RECORD_TYPES,
  type RecordData,
  type RecordType,
} from "./record.ts";

/** The result of one question. */
export interface Resolution {
  /** The name of the question, in ASCII. */
  readonly name: string;
  /** The name in Unicode; undefined if it is the same. */
  readonly unicode: string | undefined;
  /** The type of the question. */
  readonly type: RecordType;
  /**
   * The server that was asked, as `ADDRESS:PORT` or URL. Null if none was asked, or if it is one of the system's name
   * servers and the runtime does not report which.
   */
  readonly server: string | null;
  /**
   * Whether this machine answered without a name server, from its hosts file or because the name is reserved for it
   * (RFC 6761). Null if that is not known.
   */
  readonly local: boolean | null;
  /** Which resolver asked. The runtime's resolver reports only the data of records. */
  readonly resolver: "parley" | "runtime";
  /** The duration in milliseconds. */
  readonly time_ms: number;
  /** The data of each record; empty after a failure. */
  readonly data: readonly AnyData[];
  /** The records of the requested type. Their owner is the last name of {@linkcode chain}. */
  readonly records: readonly DnsRecord[];
  /** The name of the question, followed by the aliases that lead from it to the records. */
  readonly chain: readonly string[];
  /** The whole reply; null if there is none or the runtime's resolver was used. */
  readonly reply: ReplyFacts | null;
  /** Why there are no records; undefined if there are some. */
  readonly failure: Failure | undefined;
}

/** Options of {@linkcode resolve}. */
export interface ResolveOptions extends Omit<AskOptions, "ednsOptions"> {
  /** The record types. The default is A and AAAA, and PTR for an address. */
  readonly types?: readonly RecordType[];
  /** The name server. The default is those of the system. */
  readonly server?: NameServer | undefined;
  /** The system's name servers in order of preference. The default is read from the system. */
  readonly systemServers?: readonly NameServer[];
  /** The time limit for each record type, in milliseconds. The default is 5000. */
  readonly timeoutMs?: number;
  /** The domains to append to a name that is not fully qualified. None by default. */
  readonly search?: SearchList | undefined;
  /** The client subnet to send to the server (RFC 7871): `192.0.2.0/24`. */
  readonly subnet?: string | undefined;
}

/**
 * Resolves a name to records. All record types are requested at the same time.
 *
 * Without `server`, names in the hosts(5) file are answered from that file.
 *
 * @param text A name, possibly in Unicode, or an address, which is resolved to its name (PTR).
 * @param options The record types, the server and the time limit.
 * @returns One resolution for each type, in order. Each has its own failure.
 * @throws {Failure} `USAGE` if the name is invalid.
 *
 * @example
 * ```ts ignore
 * for (const { type, data } of await resolve("example.com", { types: ["MX"] })) console.log(type, data);
 * ```
 */
export async function resolve(text: string, options: ResolveOptions = {}): Promise<Resolution[]> {
  const { types, server, search } = options;
  const { name: asked, isReverse } = await nameToAsk(text);
  if (isReverse && types?.some((type) => type !== "PTR") === true) {
    throw usageFailure(
      `cannot ask for ${types.join(", ")} of ${text}`,
      "an address has only PTR records",
    );
  }
  const wanted = types ?? (isReverse ? ["PTR"] as const : ["A", "AAAA"] as const);
  const known = server === undefined ? options.systemServers ?? await systemServers() : [server];
  const how = { options, known, ednsOptions: await readSubnet(options.subnet) };
  const names = search === undefined || isReverse ? [asked] : candidates(asked, search);
  for (const name of names.slice(0, -1)) {
    const resolutions = await askAll(name, wanted, how);
    if (resolutions.some(({ failure }) => !NO_RECORD.includes(failure?.code ?? ""))) {
      return resolutions;
    }
  }
  return await askAll(names.at(-1)!, wanted, how);
}

/**
 * Returns the failures to report. Types that failed for the same reason share one failure. If the default types were
 * requested, one of A and AAAA is enough.
 *
 * @param resolutions The result of {@linkcode resolve}.
 * @param byDefault Whether the default types were requested.
 */
export function failuresOf(resolutions: readonly Resolution[], byDefault: boolean): Failure[] {
  const answered = resolutions.some(({ failure }) => failure === undefined);
  const alike = new Map<string, { readonly types: string[]; readonly first: Resolution }>();
  for (const resolution of resolutions) {
    const { code, why } = resolution.failure ?? {};
    if (code === undefined || (byDefault && answered && NO_RECORD.includes(code))) continue;
    // The reason of a timeout has the duration, which differs from type to type.
    const key = code === "TIMEOUT" ? `${code} ${resolution.server}` : `${code} ${why}`;
    const same = alike.get(key) ?? { types: [], first: resolution };
    same.types.push(resolution.type);
    alike.set(key, same);
  }
  return [...alike.values()].map(({ types, first: { name, unicode, failure } }) => {
    const { why, code, hint, cause, exitCode } = failure!;
    return new Failure({
      what: whatFailed(name, unicode, types),
      why,
      code,
      hint,
      cause,
      exitCode,
    });
  });
}

/**
 * Returns whether a text is an IP address and not a name.
 *
 * @throws {Failure} `USAGE` for a name with a port.
 */
function isLiteral(text: string): boolean {
  if (/^[^\\\s:]+:\d+$/.test(text)) {
    const why = "it has a port; in a name, write : as \\:";
    throw usageFailure(`cannot read the name ${JSON.stringify(text.slice(0, 60))}`, why);
  }
  return /^[\da-f:.]*:[\da-f:.]*(%.*)?$/i.test(text) || /^\d+(\.\d+){3}$/.test(text);
}

/** Most questions need no code for addresses, so it is loaded here. */
async function readAddress(text: string): Promise<Uint8Array> {
  const { readIp } = await import("../address/address.ts");
  return readIp(text, { strict: true }).bytes;
}

/**
 * Returns the name of a question. For an address that is its reverse name.
 *
 * @param text A name or an address.
 * @returns The name, and whether it is a reverse name.
 * @throws {Failure} `USAGE` for an invalid address or a name with a port.
 */
export async function nameToAsk(text: string): Promise<{ name: string; isReverse: boolean }> {
  if (!isLiteral(text)) return { name: text, isReverse: false };
  const { reverseName } = await import("../address/address.ts");
  return { name: reverseName(await readAddress(text)), isReverse: true };
}

/** Encodes the client subnet option (RFC 7871 section 6). The bits after the prefix are zero. */
async function readSubnet(text: string | undefined): Promise<EdnsOption[]> {
  if (text === undefined) return [];
  const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bytes = await readAddress(address);
  const bits = prefix === undefined ? bytes.length * 8 : Number(prefix);
  if (bits > bytes.length * 8) {
    throw usageFailure(
      `cannot send the subnet ${text}`,
      `the address has ${bytes.length * 8} bits`,
    );
  }
  const kept = bytes.slice(0, Math.ceil(bits / 8));
  if (bits % 8 !== 0) kept[kept.length - 1]! &= 0xff << 8 - bits % 8;
  const data = Uint8Array.of(0, bytes.length === 4 ? 1 : 2, bits, 0, ...kept);
  return [{ code: EDNS_OPTIONS.subnet, data }];
}

/** What all questions of one call have in common. */
interface How {
  readonly options: ResolveOptions;
  /** The servers to ask; empty if they are not known. */
  readonly known: readonly NameServer[];
  readonly ednsOptions: readonly EdnsOption[];
}

async function askAll(
  text: string,
  types: readonly RecordType[],
  how: How,
): Promise<Resolution[]> {
  const name = await readDnsName(text);
  return await Promise.all(types.map((type) => ask(name, type, how)));
}

async function ask(name: DnsName, type: RecordType, how: How): Promise<Resolution> {
  const start = performance.now();
  using limit = new TimeLimit(how.options.timeoutMs ?? 5000);
  const found = await lookUp(name.ascii, type, how, limit.signal);
  const took = performance.now() - start;
  const { server, code, cause: _, ...facts } = found;
  return {
    name: name.ascii,
    unicode: name.unicode,
    type,
    ...facts,
    server: server === undefined ? null : serverText(server),
    time_ms: Math.round(took * 100) / 100,
    failure: code === "NOERROR" ? undefined : lookupFailure(found, name, type, took),
  };
}

async function lookUp(
  name: string,
  type: RecordType,
  how: How,
  signal: AbortSignal,
): Promise<Found> {
  const { known, options } = how;
  const nothing = { data: [], records: [], chain: [name], reply: null, local: null };
  try {
    const here = options.server === undefined ? await isAnsweredHere(name, type, signal) : false;
    if (here === false && known.length > 0 && mayAsk(options.transport)) {
      const asking = { ...options, ednsOptions: how.ednsOptions };
      return foundIn(await askInTurn(known, { name, type }, asking, signal));
    }
    return await lookUpByRuntime(name, type, how, here, signal);
  } catch (error) {
    const code = isTimeout(error) ? "TIMEOUT" : "";
    const server = known.length === 1 ? known[0] : undefined;
    return { ...nothing, resolver: "parley", server, code, cause: error };
  }
}

/** Returns whether parley may use a transport. A UDP socket needs a permission beyond that for the server's address. */
function mayAsk(transport: Transport = "udp"): boolean {
  return transport !== "udp" || (mayReceive ??= isGranted({ name: "net", host: "0.0.0.0:0" }));
}

/** Queried once, because the query takes longer than a question. */
let mayReceive: boolean | undefined;

function foundIn({ reply, answer, chain, records, code }: Answer): Found {
  const { message, server, transport, size } = reply;
  return {
    data: records.map(({ data }) => data),
    records,
    chain,
    resolver: "parley",
    local: false,
    server,
    code,
    reply: { ...messageFacts(message), answer, transport, size },
  };
}

async function lookUpByRuntime(
  name: string,
  type: RecordType,
  { options: { server: chosen }, known }: How,
  here: boolean | undefined,
  signal: AbortSignal,
): Promise<Found> {
  // The runtime does not report which of several servers answered.
  const one = known.length === 1 ? known[0] : undefined;
  const nothing = { data: [], records: [], chain: [name], reply: null } as const;
  const local = chosen === undefined ? here ?? null : null;
  const found = { ...nothing, resolver: "runtime", local } as const;
  if (!isKnownToRuntime(type)) return { ...found, server: undefined, code: "NO_SERVER" };
  try {
    const data = await askByRuntime(name, type, chosen, signal);
    const records = data.map((each) => ({ name, type, class: "IN", ttl: null, data: each }));
    if (data.length === 0) return { ...found, server: one, code: "NO_ANSWER" };
    return { ...found, data, records, server: undefined, code: "NOERROR" };
  } catch (error) {
    if (isTimeout(error)) return { ...found, server: one, code: "TIMEOUT", cause: error };
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { ...found, server: one, code: "NO_ANSWER", cause: error };
  }
}

/** Returns whether the runtime's resolver supports a type. */
function isKnownToRuntime(type: RecordType): boolean {
  return RECORD_TYPES.some((each) => each === type);
}

/**
 * Resolves a name with the runtime's resolver, which hides TTLs, owners and flags.
 *
 * @param name An ASCII name.
 * @param type A type that the resolver supports.
 * @param server The name server. The default is those of the system.
 * @param signal Aborts the question.
 * @returns The data of each record.
 */
async function askByRuntime(
  name: string,
  type: RecordType,
  server: NameServer | undefined,
  signal: AbortSignal,
): Promise<AnyData[]> {
  const nameServer = server === undefined
    ? {}
    : { nameServer: { ipAddr: server.hostname, port: server.port } };
  const records = await Deno.resolveDns(whole(name), type as Deno.RecordType, {
    signal,
    ...nameServer,
  });
  return (records as unknown[]).map((record) => ownForm(type, record));
}

/** Converts the runtime's form of a record's data. */
function ownForm(type: RecordType, record: unknown): AnyData {
  if (typeof record === "string") return decimal(record);
  if (type === "TXT") return (record as string[]).map((text) => stringOf(octetsOfRuntime(text)));
  if (type === "CAA") {
    const { critical, tag, value } = record as { critical: boolean; tag: string; value: string };
    return { flags: critical ? 128 : 0, tag, value } satisfies RecordData["CAA"];
  }
  const fields = Object.entries(record as Record<string, string | number>);
  return Object.fromEntries(fields.map(([name, value]) => {
    const isName = /^(exchange|mname|rname|target|replacement)$/.test(name);
    return [name, isName && typeof value === "string" ? decimal(value) : value];
  }));
}

/** Converts the runtime's octal escapes in names to decimal. */
function decimal(name: string): string {
  return name.replace(/\\([0-3][0-7]{2})/g, (_, octal) => decimalEscape(parseInt(octal, 8)));
}

/** Converts the runtime's form of a text, in which each character is one byte. */
function octetsOfRuntime(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
