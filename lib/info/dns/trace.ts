/**
 * Traces a name from the root servers down to its authoritative servers, one question at a time, as a recursive
 * resolver does (RFC 1034 section 5.3.3).
 *
 * @module
 */

import { TimeLimit } from "../../base/clock.ts";
import { isTimeout } from "./answer.ts";
import { type AskOptions, askServer, type Reply } from "./ask.ts";
import { rcodeOf } from "./message.ts";
import { comparable, isWithin, type NameServer, serverText, withoutDot } from "./name.ts";
import { type DnsRecord, readRecord } from "./record.ts";

/** A name server of a zone. */
export interface ZoneServer {
  /** Its name. */
  readonly name: string;
  /** Its addresses, IPv4 first; empty if they are not known yet. */
  readonly addresses: readonly string[];
}

/** One question of a trace and its result. */
export interface TraceStep {
  /** 0 for the traced name, and more for lookups of server addresses. */
  readonly depth: number;
  /** The zone of the server. */
  readonly zone: string;
  /** The address and port of the server. */
  readonly server: string;
  /** The name of the server. */
  readonly server_name: string;
  readonly name: string;
  readonly type: string;
  /** The duration in milliseconds. */
  readonly time_ms: number;
  /** The response code, or `TIMEOUT` or `NO_REPLY`. */
  readonly status: string;
  /** The child zone and servers that the server refers to; null if it does not. */
  readonly referral: {
    readonly zone: string;
    readonly servers: readonly string[];
    /** Whether the zone is signed (has a DS record); null if DNSSEC records were not requested. */
    readonly signed: boolean | null;
  } | null;
  /** The answer section of the reply. */
  readonly answer: readonly DnsRecord[];
}

/** Options of {@linkcode trace}. */
export interface TraceOptions extends Pick<AskOptions, "transport" | "dnssec"> {
  /** The servers to start at. The default is the root servers. */
  readonly hints?: readonly ZoneServer[];
  /** The port of all servers. The default is 53. */
  readonly port?: number | undefined;
  /** The time limit of a question, in milliseconds; at most 2000, the default. */
  readonly timeoutMs?: number;
}

/** The result of a trace. */
export interface TraceEnd {
  /** `NOERROR` if there are records; otherwise the response code, `NODATA`, `ALIAS_LOOP` or `NO_SERVER`. */
  readonly code: string;
  readonly records: readonly DnsRecord[];
  /** The name, followed by the aliases that lead from it to the records. */
  readonly chain: readonly string[];
}

/** The most questions of a trace. */
const MAX_STEPS = 100;
/** The most nested lookups of server addresses. */
const MAX_DEPTH = 4;
/** The longest chain of aliases. */
const MAX_ALIASES = 8;

/** The most addresses to try for a zone. */
const MAX_TRIED = 6;

/** The time limit of one server, in milliseconds. */
const TURN_MS = 2000;

/**
 * Traces a name from the root servers down. Records outside the zone of the server that sent them are ignored.
 *
 * @param name An ASCII name.
 * @param type The name of a type.
 * @param options Where to start, and how to ask.
 * @returns Yields each step when it is done, and returns the result.
 */
export async function* trace(
  name: string,
  type: string,
  options: TraceOptions = {},
): AsyncGenerator<TraceStep, TraceEnd> {
  return yield* new Tracer(options).follow(name, type, 0);
}

/** The result of asking a zone: a child zone, or the end of the trace. */
type Outcome =
  | { readonly kind: "zone"; readonly name: string; readonly servers: readonly ZoneServer[] }
  | { readonly kind: "end"; readonly code: string; readonly found: readonly DnsRecord[] };

class Tracer {
  readonly #options: TraceOptions;
  #steps = 0;

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  /** Traces a name and its aliases. */
  async *follow(name: string, type: string, depth: number): AsyncGenerator<TraceStep, TraceEnd> {
    const chain = [withoutDot(comparable(name))];
    for (;;) {
      const last = chain.at(-1)!;
      const { code, found } = yield* this.#descend(last, type, depth);
      const here = found.filter((each) => withoutDot(comparable(each.name)) === last);
      const records = here.filter((each) => each.type === type || type === "ANY");
      const alias = here.find((each) => each.type === "CNAME")?.data;
      if (records.length > 0 || typeof alias !== "string") {
        const none = code === "NOERROR" && records.length === 0;
        return { code: none ? "NODATA" : code, records, chain };
      }
      const target = withoutDot(comparable(alias));
      if (chain.includes(target) || chain.length > MAX_ALIASES) {
        return { code: "ALIAS_LOOP", records, chain };
      }
      chain.push(target);
    }
  }

  /** Follows referrals from the root to the zone of a name. */
  async *#descend(name: string, type: string, depth: number) {
    let zone: Outcome = { kind: "zone", name: ".", servers: this.#options.hints ?? ROOT_SERVERS };
    while (zone.kind === "zone") {
      zone = yield* this.#askZone(zone.name, zone.servers, name, type, depth);
    }
    return zone;
  }

  /** Asks the servers of a zone in turn until one answers or refers to a child zone. */
  async *#askZone(
    zone: string,
    servers: readonly ZoneServer[],
    name: string,
    type: string,
    depth: number,
  ): AsyncGenerator<TraceStep, Outcome> {
    let code = "NO_SERVER";
    let tried = 0;
    for (const server of servers) {
      const addresses = server.addresses.length > 0
        ? server.addresses
        : yield* this.#addressesOf(server.name, depth);
      for (const hostname of addresses) {
        if (tried++ >= MAX_TRIED || this.#steps++ >= MAX_STEPS) {
          return { kind: "end", code, found: [] };
        }
        const place = { zone, server, at: { hostname, port: this.#options.port ?? 53 } };
        const { step, outcome } = await this.#ask(place, name, type, depth);
        yield step;
        if (outcome !== undefined) return outcome;
        if (step.status !== "NOERROR") code = step.status;
      }
    }
    return { kind: "end", code, found: [] };
  }

  /** Looks up the addresses of a server whose referral had none (RFC 9471). */
  async *#addressesOf(name: string, depth: number): AsyncGenerator<TraceStep, string[]> {
    if (depth >= MAX_DEPTH) return [];
    const { records } = yield* this.follow(name, "A", depth + 1);
    return records.map(({ data }) => String(data));
  }

  async #ask(
    { zone, server, at }: { zone: string; server: ZoneServer; at: NameServer },
    name: string,
    type: string,
    depth: number,
  ): Promise<{ step: TraceStep; outcome: Outcome | undefined }> {
    const { transport, dnssec, timeoutMs = TURN_MS } = this.#options;
    const start = performance.now();
    const asked = { depth, zone, server: serverText(at), server_name: server.name, name, type };
    const took = () => Math.round((performance.now() - start) * 100) / 100;
    try {
      using limit = new TimeLimit(Math.min(timeoutMs, TURN_MS));
      const options = { transport, dnssec, recurse: false };
      const reply = await askServer(at, { name, type }, options, limit.signal);
      const outcome = outcomeOf(reply, zone, name);
      const answer = reply.message.answer.map(readRecord);
      const status = rcodeOf(reply.message);
      const referral = outcome?.kind === "zone" ? this.#referral(outcome, reply) : null;
      return { step: { ...asked, time_ms: took(), status, referral, answer }, outcome };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const status = isTimeout(error) ? "TIMEOUT" : "NO_REPLY";
      const step = { ...asked, time_ms: took(), status, referral: null, answer: [] };
      return { step, outcome: undefined };
    }
  }

  #referral({ name, servers }: Outcome & { kind: "zone" }, { message }: Reply) {
    const signed = message.authority.map(readRecord).some(({ type }) => type === "DS");
    return {
      zone: name,
      servers: servers.map((server) => server.name),
      signed: this.#options.dnssec === true ? signed : null,
    };
  }
}

/** Returns what a reply means; undefined if the next server should be asked. */
function outcomeOf({ message }: Reply, zone: string, name: string): Outcome | undefined {
  const code = rcodeOf(message);
  if (code !== "NOERROR" && code !== "NXDOMAIN") return undefined;
  const inZone = (record: DnsRecord) => isWithin(record.name, zone);
  const found = message.answer.map(readRecord).filter(inZone);
  if (code === "NXDOMAIN" || found.length > 0) return { kind: "end", code, found };
  const authority = message.authority.map(readRecord);
  const delegations = authority.filter((record) => {
    const below = isWithin(record.name, zone) && comparable(record.name) !== comparable(zone);
    return record.type === "NS" && below && isWithin(name, record.name);
  });
  const [first] = delegations;
  // An empty reply without SOA is not authoritative.
  if (first === undefined) {
    const denies = authority.some(({ type }) => type === "SOA");
    return denies ? { kind: "end", code, found } : undefined;
  }
  const glue = message.additional.map(readRecord).filter(inZone);
  const servers = delegations.filter((each) => comparable(each.name) === comparable(first.name))
    .map(({ data }) => zoneServer(String(data), glue));
  return { kind: "zone", name: withoutDot(comparable(first.name)), servers: knownFirst(servers) };
}

/** Moves servers with known addresses to the front. */
function knownFirst(servers: readonly ZoneServer[]): ZoneServer[] {
  const isKnown = ({ addresses }: ZoneServer) => addresses.length > 0;
  return [...servers.filter(isKnown), ...servers.filter((server) => !isKnown(server))];
}

function zoneServer(name: string, records: readonly DnsRecord[]): ZoneServer {
  const own = records.filter((record) => comparable(record.name) === comparable(name));
  const of = (type: string) =>
    own.filter((each) => each.type === type).map(({ data }) => String(data));
  return { name: withoutDot(comparable(name)), addresses: [...of("A"), ...of("AAAA")] };
}

/**
 * Parses root hints: a master file such as IANA's named.root.
 *
 * @param text The content of the file.
 * @returns The root servers that have an address.
 */
export function readRootHints(text: string): ZoneServer[] {
  const records = text.split(/\r?\n/).flatMap((line): DnsRecord[] => {
    const [, name, type, data] =
      /^([^\s;]+)(?:\s+\d+)?(?:\s+IN)?\s+(NS|A|AAAA)\s+([^\s;]+)/i.exec(line) ?? [];
    if (name === undefined || type === undefined || data === undefined) return [];
    return [{ name, type: type.toUpperCase(), class: "IN", ttl: null, data }];
  });
  const servers = records.filter(({ name, type }) => name === "." && type === "NS");
  return knownFirst(servers.map(({ data }) => zoneServer(String(data), records)))
    .filter(({ addresses }) => addresses.length > 0);
}

/** The root servers of named.root, 2024-04-18. They were compared with the package dns-root-data 2024071801 of Debian. */
const ROOT_SERVERS: readonly ZoneServer[] = Object.entries({
  a: ["198.41.0.4", "2001:503:ba3e::2:30"],
  b: ["170.247.170.2", "2801:1b8:10::b"],
  c: ["192.33.4.12", "2001:500:2::c"],
  d: ["199.7.91.13", "2001:500:2d::d"],
  e: ["192.203.230.10", "2001:500:a8::e"],
  f: ["192.5.5.241", "2001:500:2f::f"],
  g: ["192.112.36.4", "2001:500:12::d0d"],
  h: ["198.97.190.53", "2001:500:1::53"],
  i: ["192.36.148.17", "2001:7fe::53"],
  j: ["192.58.128.30", "2001:503:c27::2:30"],
  k: ["193.0.14.129", "2001:7fd::1"],
  l: ["199.7.83.42", "2001:500:9f::42"],
  m: ["202.12.27.33", "2001:dc3::35"],
}).map(([letter, addresses]) => ({ name: `${letter}.root-servers.net`, addresses }));
