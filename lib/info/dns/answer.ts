/**
 * The answer of a name server to a question: its records, the aliases that lead to them, and why there are none.
 *
 * @module
 */

import { TimeLimit } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { toFailure } from "../../os/errors.ts";
import { type AskOptions, askServer, type Reply, type Transport } from "./ask.ts";
import {
  EDNS_OPTIONS,
  type ExtendedError,
  extendedErrors,
  flagNames,
  type Message,
  rcodeOf,
} from "./message.ts";
import {
  comparable,
  type DnsName,
  isWithin,
  type NameServer,
  serverText,
  withoutDot,
} from "./name.ts";
import { type AnyData, className, type DnsRecord, readRecord, typeName } from "./record.ts";

/** The longest chain of aliases. */
const MAX_ALIASES = 16;

/** The answer of one server to one question. */
export interface Answer {
  /** The last reply. */
  readonly reply: Reply;
  /** The answer sections of all replies. */
  readonly answer: readonly DnsRecord[];
  /** The name of the question, followed by the aliases that lead from it to the records. */
  readonly chain: readonly string[];
  /** The records of the requested type at the end of the chain. */
  readonly records: readonly DnsRecord[];
  /** `NOERROR` if there are records; otherwise the response code, `NODATA`, `REFERRAL` or `NO_ANSWER`. */
  readonly code: string;
}

/**
 * Asks a server, and follows aliases (RFC 1034 section 3.6.2) that the server does not follow.
 *
 * @param server The server.
 * @param question A name in the form of `nameText()`, and the name of a type.
 * @param options As for {@linkcode askServer}.
 * @param signal Aborts the exchange.
 * @throws As {@linkcode askServer} does.
 */
async function askForAnswer(
  server: NameServer,
  question: { readonly name: string; readonly type: string },
  options: AskOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const answer: DnsRecord[] = [];
  const chain = [withoutDot(comparable(question.name))];
  for (;;) {
    const name = chain.at(-1)!;
    const reply = await askServer(server, { name, type: question.type }, options, signal);
    const found = reply.message.answer.map(readRecord);
    answer.push(...found);
    extend(chain, found, question.type);
    const last = chain.at(-1)!;
    const records = recordsIn(reply.message, found, last, question.type, options);
    const code = codeOf(reply.message, records, found, { name: last, type: question.type });
    const leftOpen = ["NODATA", "REFERRAL"].includes(code) && last !== name &&
      !isDenied(reply.message);
    if (!leftOpen || options.recurse === false || chain.length > MAX_ALIASES) {
      return { reply, answer, chain, records, code };
    }
  }
}

/** Appends to a chain the aliases that records contain. */
function extend(chain: string[], records: readonly DnsRecord[], type: string): void {
  if (type === "CNAME" || type === "ANY") return;
  while (chain.length <= MAX_ALIASES) {
    const last = chain.at(-1)!;
    const alias = records.find((each) => each.type === "CNAME" && isOf(each, last));
    const target = typeof alias?.data === "string" ? withoutDot(comparable(alias.data)) : undefined;
    if (target === undefined || chain.includes(target)) return;
    chain.push(target);
  }
}

function isOf(record: DnsRecord, name: string): boolean {
  return withoutDot(comparable(record.name)) === name;
}

function answersAt(record: DnsRecord, name: string, type: string): boolean {
  return (record.type === type || type === "ANY") && record.class === "IN" && isOf(record, name);
}

/**
 * Returns the records of the requested type. If recursion was not requested, the name servers to which a server refers
 * for the name itself are the answer to a question for them.
 */
function recordsIn(
  message: Message,
  found: readonly DnsRecord[],
  name: string,
  type: string,
  { recurse }: AskOptions,
): DnsRecord[] {
  const records = found.filter((record) => answersAt(record, name, type));
  if (records.length > 0 || type !== "NS" || recurse !== false) return records;
  return referralIn(message, name)?.zone === name
    ? message.authority.map(readRecord).filter((record) => answersAt(record, name, type))
    : records;
}

function codeOf(
  message: Message,
  records: readonly DnsRecord[],
  found: readonly DnsRecord[],
  { name, type }: { readonly name: string; readonly type: string },
): string {
  const rcode = rcodeOf(message);
  if (rcode !== "NOERROR" || records.length > 0) return rcode;
  // Records of the right type but of other names.
  if (found.some((record) => record.type === type)) return "NO_ANSWER";
  return referralIn(message, name) === undefined ? "NODATA" : "REFERRAL";
}

/** The name servers to which a server refers instead of answering. */
export interface Referral {
  /** The zone that they serve; `.` is the root. */
  readonly zone: string;
  /** Their names. */
  readonly servers: readonly string[];
}

/**
 * Returns the referral that a reply contains (RFC 2308 section 2.2): it is not authoritative, has no answer for the
 * name, and its authority section has NS records and no SOA record.
 *
 * @param reply The reply.
 * @param name The last name of the chain of aliases.
 * @returns The referral; undefined if there is none.
 */
export function referralOf(
  { flags, answer, authority }: Pick<ReplyFacts, "flags" | "answer" | "authority">,
  name: string,
): Referral | undefined {
  if (flags.includes("aa") || answer.some((record) => isOf(record, name))) return undefined;
  if (authority.some(({ type }) => type === "SOA")) return undefined;
  const servers = authority.filter((each) => each.type === "NS" && isWithin(name, each.name));
  const [first] = servers;
  if (first === undefined) return undefined;
  const zone = withoutDot(comparable(first.name));
  const own = servers.filter((record) => isOf(record, zone));
  return { zone, servers: own.map(({ data }) => withoutDot(comparable(String(data)))) };
}

function referralIn(message: Message, name: string): Referral | undefined {
  return rcodeOf(message) === "NOERROR" ? referralOf(messageFacts(message), name) : undefined;
}

/** Returns whether a reply denies that there are records (RFC 2308 section 2.2). An empty reply does not. */
function isDenied({ authority }: Message): boolean {
  return authority.some((raw) => readRecord(raw).type === "SOA");
}

/** Response codes that concern the server and not the name. Another server may know the name (res_send(3)). */
const OWN_FAULTS: readonly string[] = ["SERVFAIL", "NOTIMP", "REFUSED", "REFERRAL"];

/** The time limit for a server if there is another one to ask, in milliseconds. */
const TURN_MS = 1000;

/**
 * Asks servers in turn until one answers for the name, as described in resolv.conf(5). Follows aliases.
 *
 * @param servers The servers; at least one.
 * @param question A name in the form of `nameText()`, and the name of a type.
 * @param options As for {@linkcode askServer}.
 * @param signal Aborts the exchange.
 * @returns The first answer that concerns the name, or else the first answer.
 * @throws {unknown} The error of the first server, if no server answers.
 */
export async function askInTurn(
  servers: readonly NameServer[],
  question: { readonly name: string; readonly type: string },
  options: AskOptions,
  signal: AbortSignal,
): Promise<Answer> {
  let fault: Answer | undefined;
  let error: unknown;
  for (const [i, server] of servers.entries()) {
    const last = i === servers.length - 1;
    using turn = last ? undefined : new TimeLimit(TURN_MS);
    const limit = turn === undefined ? signal : AbortSignal.any([signal, turn.signal]);
    try {
      const answer = await askForAnswer(server, question, options, limit);
      if (!OWN_FAULTS.includes(answer.code)) return answer;
      fault ??= answer;
    } catch (thrown) {
      if (thrown instanceof Deno.errors.NotCapable) throw thrown;
      error ??= thrown;
    }
  }
  if (fault !== undefined) return fault;
  throw error;
}

/** Returns whether an error means that a time limit has passed. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Deno.errors.TimedOut ||
    (error instanceof DOMException && error.name === "TimeoutError");
}

/** A reply as JSON. */
export interface ReplyFacts {
  /** The response code: `NOERROR`, `NXDOMAIN` … */
  readonly status: string;
  /** The flags that are set, of `qr`, `aa`, `tc`, `rd`, `ra`, `ad` and `cd`. */
  readonly flags: readonly string[];
  /** The question section. */
  readonly question: readonly Pick<DnsRecord, "name" | "type" | "class">[];
  /** The answer section. If aliases took several replies, it contains those of all. */
  readonly answer: readonly DnsRecord[];
  /** The authority section. */
  readonly authority: readonly DnsRecord[];
  /** The additional section without the OPT record, which is `edns`. */
  readonly additional: readonly DnsRecord[];
  /** The protocol that carried it. */
  readonly transport: Transport;
  /** Its length in bytes. */
  readonly size: number;
  /** The content of the OPT record; null if there is none. */
  readonly edns: EdnsFacts | null;
}

/** The EDNS part of a reply (RFC 6891). */
export interface EdnsFacts {
  /** The version of EDNS, which is 0. */
  readonly version: number;
  /** The largest datagram that the server accepts, in bytes. */
  readonly udp_size: number;
  /** Whether the reply includes DNSSEC records (DO). */
  readonly dnssec_ok: boolean;
  /** The client subnet that the answer is valid for (RFC 7871): `192.0.2.0/24/0`; null if there is none. */
  readonly subnet: string | null;
  /** Errors that explain the response code (RFC 8914). */
  readonly extended_errors: readonly ExtendedError[];
}

/** Converts a message to JSON. */
export function messageFacts(message: Message): Omit<ReplyFacts, "transport" | "size"> {
  return {
    status: rcodeOf(message),
    flags: flagNames(message.flags),
    question: message.question.map(({ name, type, class: of }) => {
      return { name: withoutDot(name), type: typeName(type), class: className(of) };
    }),
    answer: message.answer.map(readRecord),
    authority: message.authority.map(readRecord),
    additional: message.additional.map(readRecord),
    edns: ednsFacts(message),
  };
}

function ednsFacts(message: Message): EdnsFacts | null {
  const { edns } = message;
  if (edns === undefined) return null;
  const { version, udpSize, dnssecOk, options } = edns;
  const subnet = options.find(({ code }) => code === EDNS_OPTIONS.subnet)?.data;
  return {
    version,
    udp_size: udpSize,
    dnssec_ok: dnssecOk,
    subnet: subnet === undefined ? null : subnetText(subnet),
    extended_errors: extendedErrors(message),
  };
}

function subnetText([, family, source, scope, ...address]: Uint8Array): string | null {
  const length = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (scope === undefined || length === 0 || address.length > length) return null;
  const bytes = [...address, ...Array(length - address.length).fill(0)];
  const groups = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("").match(/.{4}/g);
  const text = family === 1 ? bytes.join(".") : groups!.join(":");
  return `${text}/${source}/${scope}`;
}

/** The codes that mean that there is no record. Other codes leave that open. */
export const NO_RECORD: readonly string[] = ["NODATA", "NXDOMAIN", "NO_ANSWER"];

/** The outcome of a lookup. */
export interface Found {
  readonly data: readonly AnyData[];
  readonly records: readonly DnsRecord[];
  readonly chain: readonly string[];
  readonly reply: ReplyFacts | null;
  readonly resolver: "parley" | "runtime";
  readonly local: boolean | null;
  readonly server: NameServer | undefined;
  /** `NOERROR`, why there is no record, or empty if {@linkcode cause} says it. */
  readonly code: string;
  readonly cause?: unknown;
}

/** The reason and the hint for each code of {@linkcode Found}. */
const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  NXDOMAIN: ["there is no such name", "check the spelling"],
  NODATA: ["the name has no such record", "it may have records of other types, such as MX"],
  REFERRAL: [
    "the name server only refers to other name servers",
    "ask one of those servers, or follow the referrals from the root servers down",
  ],
  SERVFAIL: ["the name server failed", "try again, or ask another name server"],
  REFUSED: [
    "the name server refuses to answer",
    "it may not serve this name; ask another name server",
  ],
  TIMEOUT: [
    "no answer in time",
    "a closed UDP port does not answer either; allow more time, or ask another name server",
  ],
  NO_ANSWER: [
    "no record, and the resolver does not report why",
    "choose a name server, or permit parley to read the system's",
  ],
  NO_SERVER: [
    "the runtime's resolver does not support the type, and no name server is known",
    "choose a name server, or permit parley to read the system's",
  ],
};

/** The exit code if no server answered, as that of dig(1). */
export const NO_SERVER_EXIT = 9;

/** Returns the start of a failure's text: `cannot resolve NAME TYPE, TYPE`. */
export function whatFailed(
  name: string,
  unicode: string | undefined,
  types: readonly string[],
): string {
  const both = unicode === undefined ? name : `${unicode} (${name})`;
  return `cannot resolve ${both} ${types.join(", ")}`;
}

/**
 * Returns the failure of a lookup that found no record.
 *
 * @param found Its outcome.
 * @param name The name of the question.
 * @param type The type of the question.
 * @param took The duration in milliseconds.
 */
export function lookupFailure(found: Found, name: DnsName, type: string, took: number): Failure {
  const what = whatFailed(name.ascii, name.unicode, [type]);
  return found.code === ""
    ? networkFailure(found, what)
    : noRecordFailure(found, what, { type, took });
}

/** Returns the failure for an error of the network or a missing permission. */
function networkFailure({ server, cause }: Found, what: string): Failure {
  const { why, hint, code, exitCode } = toFailure(cause, what);
  const silent = code !== "NOT_PERMITTED" && exitCode === 1;
  const by = server === undefined ? "" : serverText(server);
  return new Failure({
    what,
    why: by === "" || why.includes(by) ? why : `${why} (${by})`,
    hint,
    code,
    cause,
    exitCode: silent ? NO_SERVER_EXIT : exitCode,
  });
}

function noRecordFailure(
  found: Found,
  what: string,
  { type, took }: { readonly type: string; readonly took: number },
): Failure {
  const { code, server, cause, chain, reply, resolver } = found;
  const by = server === undefined ? "" : ` (${serverText(server)})`;
  const [words, general] = REASONS[code] ?? [`the name server replied ${code}${by}`, undefined];
  const hint = code === "NODATA" && type === "MX" ? general?.replace("MX", "TXT") : general;
  if (code === "TIMEOUT") {
    const why = `${words}, ${Math.round(took)} ms${by}`;
    return new Failure({ what, why, hint, code, cause, exitCode: NO_SERVER_EXIT });
  }
  if (code === "NO_ANSWER" && resolver === "parley") {
    const why = `no record, and ${serverText(server!)} does not report why`;
    return new Failure({ what, why, hint: "try again", code, cause, exitCode: 1 });
  }
  if (code === "REFERRAL" && reply !== null) {
    const why = referralText(reply, chain, by);
    return new Failure({ what, why, hint, code, cause, exitCode: 1 });
  }
  if (chain.length > 1) {
    const why = aliasText(code, chain.at(-1)!) + extendedText(reply);
    return new Failure({ what, why, code, cause, exitCode: 1 });
  }
  return new Failure({ what, why: words + extendedText(reply), hint, code, cause, exitCode: 1 });
}

/** Describes a referral. A server that could look a name up itself sets the flag `ra`. */
function referralText(reply: ReplyFacts, chain: readonly string[], by: string): string {
  const last = chain.at(-1)!;
  const { zone, servers } = referralOf(reply, last)!;
  const whole = zone === "." ? zone : `${zone}.`;
  const shown = servers.length > 3 ? [...servers.slice(0, 3), "…"] : servers;
  const alias = chain.length > 1 ? `it is an alias of ${last}, and ` : "";
  const { flags } = reply;
  const note = flags.includes("rd") && !flags.includes("ra") ? "; it does not recurse" : "";
  return `${alias}the name server${by} only refers to the name servers of ${whole}: ` +
    `${shown.join(", ")}${note}${extendedText(reply)}`;
}

/** Describes the failure at the end of a chain of aliases, which concerns the last name (RFC 6604). */
function aliasText(code: string, target: string): string {
  const of = `it is an alias of ${target}`;
  if (code === "NXDOMAIN") return `${of}, which does not exist`;
  if (code === "NODATA") return `${of}, which has no such record`;
  return `${of}, for which the answer is ${code}`;
}

function extendedText(reply: ReplyFacts | null): string {
  const errors = reply?.edns?.extended_errors ?? [];
  const texts = errors.map(({ code, meaning, text }) => {
    return [meaning ?? `extended error ${code}`, text].filter((each) => each !== "").join(": ");
  });
  return texts.length === 0 ? "" : ` (${texts.join("; ")})`;
}
