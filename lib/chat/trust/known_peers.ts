/**
 * Known peers: the format of the file, and the changes made to it; and the safety number of two identities. No I/O.
 *
 * One line per peer, for people to read and edit:
 *
 *     bo SHA256:QVOreUxDFp3TIpgI0pD4JrVWece6lf5EGoU0N+R42S8 2026-11-24T04:27:29Z verified  # met in Delft
 *
 * The fields are the name, the fingerprint of the identity, the time of the first meeting (UTC),
 * and one of {@linkcode PEER_STATUSES}; a comment may follow. Empty lines and lines that start with `#`
 * are comments. Several lines may have the same name: that peer may use any of their keys.
 *
 * A relay can invent peers. So the lines of peers about whom the user decided nothing are bounded by
 * {@linkcode MAX_UNDECIDED}, and the oldest of them give way.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { foldName, nameLooks, normalizeName } from "../identity/name.ts";
import { CONTEXT } from "../identity/signing.ts";

/** How sure it is that a fingerprint belongs to its peer, from the least sure to the surest. */
export const PEER_STATUSES = [
  /** The peer was met under this name in one run, in which it said nothing. */
  "unverified",
  /** It said something, or was met again in a later run. */
  "familiar",
  /** The user has accepted its key. */
  "trusted",
  /** An invitation has proved it, which is sure unless somebody else has read or changed its link. */
  "invited",
  /** The user has compared the fingerprint with its owner. */
  "verified",
] as const;

/** One of {@linkcode PEER_STATUSES}. */
export type PeerStatus = typeof PEER_STATUSES[number];

/** A peer in the file. */
export interface KnownPeer {
  readonly name: string;
  readonly folded: string;
  readonly fingerprint: string;
  /**
   * The time of the first meeting as written in the file: a date, or a date and a time in UTC (ISO
   * 8601).
   */
  readonly firstSeen: string;
  readonly status: PeerStatus;
}

/** A change to the known peers. `at` is the time in milliseconds since 1970. */
export type KnownPeersChange =
  /** A peer was met for the first time: adds a line unless the name has one. */
  | {
    readonly kind: "meet";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** The peer said something, or was met again in a later run. It replaces no other key of the name. */
  | {
    readonly kind: "recognize";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** An invitation proved the key. It replaces no other key of the name. */
  | {
    readonly kind: "invite";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** The user trusts this key: it replaces all keys of the name. */
  | {
    readonly kind: "trust";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** The same, and the user has compared the fingerprint. */
  | {
    readonly kind: "verify";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  | { readonly kind: "forget"; readonly name: string };

/** The comment at the start of a new file. */
export const HEADER =
  `# parley's known peers, one per line: name, fingerprint, first seen (UTC), status.
# You may edit it: parley keeps the comments and the order of the lines.
`;

/** The format of a line, for hints. */
export const LINE_FORM = `NAME SHA256:… DATE ${[...PEER_STATUSES].reverse().join("|")}`;

/**
 * The most peers that may give way: those with the status `unverified` or `familiar`, and without a comment of the
 * user. Their lines have at most 4.1 MiB.
 */
export const MAX_UNDECIDED = 20_000;
/** How many peers give way at once, so that each new one costs little. */
const GIVING_WAY = 1_000;
/** The most peers that {@linkcode KnownPeers.alike} returns. */
export const MAX_ALIKE = 100;

/** The error of a malformed line. */
export class KnownPeersError extends Error {
  /**
   * @param line The line's number, from 1.
   * @param message What is wrong with the line.
   */
  constructor(readonly line: number, message: string) {
    super(message);
    this.name = "KnownPeersError";
  }
}

interface Line {
  text: string;
  peer: KnownPeer | undefined;
}

interface PeerLine extends Line {
  peer: KnownPeer;
}

/** Lines of peers by a text. */
type Index = Map<string, PeerLine[]>;

/** The known peers of a file. Unchanged lines keep their exact text. */
export class KnownPeers {
  #lines: Line[];
  // The indexes are made when they are needed first, and then follow each change.
  #byName: Index | undefined;
  #byFingerprint: Index | undefined;
  /** By look of the name, and then by fingerprint. */
  #byLook: Map<string, Index> | undefined;
  /** The number of peers that may give way. */
  #undecided: number | undefined;

  private constructor(lines: Line[]) {
    this.#lines = lines;
  }

  /**
   * Parses the text of a file.
   *
   * @param text The text.
   * @throws {KnownPeersError} If a line is neither a peer nor a comment; the error has the line's
   * number.
   */
  static parse(text: string): KnownPeers {
    const lines = text.split("\n");
    // A final line feed starts no new line.
    if (lines.at(-1) === "") lines.pop();
    return new KnownPeers(lines.map((line, i) => ({ text: line, peer: readLine(line, i + 1) })));
  }

  /** The text of the file. */
  get text(): string {
    return this.#lines.map(({ text }) => `${text}\n`).join("");
  }

  /** Returns the peers with a case-folded name. */
  ofName(folded: string): readonly KnownPeer[] {
    return this.#linesOf(folded).map(({ peer }) => peer);
  }

  #linesOf(folded: string): readonly PeerLine[] {
    this.#byName ??= Map.groupBy(this.#peerLines(), ({ peer }) => peer.folded);
    return this.#byName.get(folded) ?? [];
  }

  /** Returns the peers with a fingerprint, under any name, one by one: there may be many. */
  ofFingerprint(fingerprint: string): IteratorObject<KnownPeer, unknown> {
    this.#byFingerprint ??= Map.groupBy(this.#peerLines(), ({ peer }) => peer.fingerprint);
    return (this.#byFingerprint.get(fingerprint) ?? []).values().map(({ peer }) => peer);
  }

  /**
   * Returns the peers whose names equal a name or look like it, {@linkcode MAX_ALIKE} at most.
   *
   * @param name The name.
   * @param but The peer whose other lines do not count: those with its folded name or its fingerprint.
   */
  alike(name: string, but?: Pick<KnownPeer, "folded" | "fingerprint">): readonly KnownPeer[] {
    const index = this.#byLook ??= this.#indexLooks();
    const found = nameLooks(name).values()
      .flatMap((look) => index.get(look) ?? [])
      .filter(([fingerprint]) => fingerprint !== but?.fingerprint)
      .flatMap(([, lines]) => lines)
      .map(({ peer }) => peer)
      .filter(({ folded }) => folded !== but?.folded);
    const peers = new Set<KnownPeer>();
    for (const peer of found) {
      if (peers.add(peer).size === MAX_ALIKE) break;
    }
    return [...peers];
  }

  #indexLooks(): Map<string, Index> {
    const index = new Map<string, Index>();
    for (const line of this.#peerLines()) addLooks(index, line);
    return index;
  }

  /**
   * Applies a change. Lines that it does not concern stay as they are.
   *
   * @returns The number of other peers that gave way.
   */
  apply(change: KnownPeersChange): number {
    if (change.kind === "forget") {
      const folded = foldName(change.name);
      this.#remove(({ peer }) => peer?.folded === folded);
      return 0;
    }
    const { kind, name, fingerprint, at } = change;
    const folded = foldName(name);
    const others = this.#linesOf(folded);
    const firstSeen = `${new Date(at).toISOString().slice(0, 19)}Z`;
    const peer = { name, folded, fingerprint, firstSeen, status: STATUS_AFTER[kind] };
    const same = others.filter((one) => one.peer.fingerprint === fingerprint);
    if (others.length === 0) return this.#append(peer);
    if (same.length > 0) this.#raise(same, peer.status);
    // Only the user replaces a key.
    else if (kind === "trust" || kind === "verify") this.#replace(others, peer);
    return 0;
  }

  #append(peer: KnownPeer): number {
    const ending = this.#lines.at(-1)?.text.endsWith("\r") === true ? "\r" : "";
    const line = { text: lineOf(peer) + ending, peer };
    this.#lines.push(line);
    add(this.#byName, peer.folded, line);
    add(this.#byFingerprint, peer.fingerprint, line);
    if (this.#byLook !== undefined) addLooks(this.#byLook, line);
    if (!mayGiveWay(line)) return 0;
    this.#undecided = this.#undecided === undefined
      ? this.#peerLines().filter(mayGiveWay).length
      : this.#undecided + 1;
    return this.#undecided <= MAX_UNDECIDED ? 0 : this.#giveWay(line);
  }

  /** Removes the oldest peers that may give way: first those that are not familiar, but not the newest one. */
  #giveWay(newest: PeerLine): number {
    const lines = this.#peerLines().filter((line) => line !== newest && mayGiveWay(line));
    const excess = lines.length + 1 - MAX_UNDECIDED;
    const first = new Set<Line>(lines.sort(byWorth).slice(0, Math.max(excess, GIVING_WAY)));
    this.#remove((line) => first.has(line));
    return first.size;
  }

  /** Replaces the first of some peers by another and removes the rest. */
  #replace([first, ...rest]: readonly PeerLine[], peer: KnownPeer): void {
    write(first!, peer);
    const others = new Set<Line>(rest);
    this.#remove((line) => others.has(line));
  }

  /** Gives peers a status, unless they have a surer one. */
  #raise(lines: readonly PeerLine[], status: PeerStatus): void {
    for (const line of lines) {
      if (!isSurer(status, line.peer.status)) continue;
      const gaveWay = mayGiveWay(line);
      write(line, { ...line.peer, status });
      if (gaveWay && !mayGiveWay(line) && this.#undecided !== undefined) this.#undecided -= 1;
    }
  }

  #remove(is: (line: Line) => boolean): void {
    this.#lines = this.#lines.filter((line) => !is(line));
    this.#byName =
      this.#byFingerprint =
      this.#byLook =
      this.#undecided =
        undefined;
  }

  #peerLines(): PeerLine[] {
    return this.#lines.filter((line): line is PeerLine => line.peer !== undefined);
  }
}

/** The status of a peer after a change that adds it. */
const STATUS_AFTER: Readonly<
  Record<Exclude<KnownPeersChange["kind"], "forget">, PeerStatus>
> = {
  meet: "unverified",
  recognize: "familiar",
  trust: "trusted",
  invite: "invited",
  verify: "verified",
};

function isSurer(one: PeerStatus, other: PeerStatus): boolean {
  return PEER_STATUSES.indexOf(one) > PEER_STATUSES.indexOf(other);
}

/** Whether the user has decided nothing about a peer, nor written a comment behind it. */
function mayGiveWay({ text, peer: { status } }: PeerLine): boolean {
  return !isSurer(status, "familiar") && commentOf(text).trim() === "";
}

/** Orders peers that may give way: first those that are not familiar, and then the oldest. */
function byWorth({ peer: one }: PeerLine, { peer: other }: PeerLine): number {
  if (one.status !== other.status) return isSurer(one.status, other.status) ? 1 : -1;
  return one.firstSeen < other.firstSeen ? -1 : one.firstSeen > other.firstSeen ? 1 : 0;
}

function add(index: Index | undefined, key: string, line: PeerLine): void {
  const there = index?.get(key);
  if (there === undefined) index?.set(key, [line]);
  else there.push(line);
}

function addLooks(index: Map<string, Index>, line: PeerLine): void {
  for (const look of nameLooks(line.peer.name)) {
    let lines = index.get(look);
    if (lines === undefined) index.set(look, lines = new Map());
    add(lines, line.peer.fingerprint, line);
  }
}

/** Rewrites the fields of a line. */
function write(line: PeerLine, peer: KnownPeer): void {
  line.text = lineOf(peer) + commentOf(line.text);
  line.peer = peer;
}

/** Returns what follows the fields of a line: a comment, and a carriage return. */
function commentOf(text: string): string {
  return /^\s*(?:\S+\s+){3}\S+(.*)$/s.exec(text)?.[1] ?? "";
}

function lineOf({ name, fingerprint, firstSeen, status }: KnownPeer): string {
  return `${name} ${fingerprint} ${firstSeen} ${status}`;
}

function readLine(text: string, number: number): KnownPeer | undefined {
  const content = (number === 1 ? text.replace(/^\ufeff/, "") : text).trim();
  if (content === "" || content.startsWith("#")) return undefined;
  const [name = "", fingerprint = "", firstSeen = "", word = "", ...rest] = content.split(/[ \t]+/);
  const fail = (message: string) => new KnownPeersError(number, message);
  if (!isFingerprint(fingerprint)) {
    throw fail("the second word is not a fingerprint (SHA256: and 43 characters)");
  }
  if (!isDate(firstSeen)) throw fail("the third word is not a date such as 2026-11-24");
  const status = PEER_STATUSES.find((one) => one === word);
  if (status === undefined) {
    throw fail(`the fourth word must be one of ${PEER_STATUSES.join(", ")}`);
  }
  if (rest.length > 0 && !rest[0]!.startsWith("#")) {
    throw fail("the text after the fourth word is not a comment");
  }
  const plain = readName(name, number);
  return { name: plain, folded: foldName(plain), fingerprint, firstSeen, status };
}

function readName(name: string, number: number): string {
  try {
    return normalizeName(name);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new KnownPeersError(number, `the first word is not a valid name: ${error.message}`);
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$/.test(text)) return false;
  const time = Date.parse(text);
  // Date.parse accepts the 31st of February.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.replace("Z", ""));
}

/**
 * `SHA256:` and the unpadded base64 of 32 bytes. The last of the 43 characters encodes only four
 * bits.
 */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;

/** Reports whether a text is a fingerprint, `SHA256:` and 43 characters of base64. */
export function isFingerprint(text: string): boolean {
  return FINGERPRINT.test(text);
}

/**
 * Iterations of PBKDF2. An attacker in the middle searches for two own keys whose safety numbers
 * agree in the groups that people really compare. Each group depends on both identities, so the
 * attacker needs a collision, which takes only the square root of the tries that the digits
 * suggest. The iterations make each try expensive.
 */
const ITERATIONS = 65_536;
const GROUPS = 12;
const GROUP_BYTES = 5;

/**
 * Computes the safety number of two identities. The order of the arguments does not matter.
 *
 * It is PBKDF2 with HMAC-SHA-512 (RFC 8018 section 5.2) over both fingerprints, the lower one
 * first. Each 5 bytes of the 60-byte output, as a number modulo 100,000, make a group.
 *
 * @param one The fingerprint of one identity, `SHA256:…`.
 * @param other The fingerprint of the other identity.
 * @returns 12 groups of 5 digits.
 */
export async function safetyNumber(one: string, other: string): Promise<readonly string[]> {
  const [low, high] = [digestOf(one), digestOf(other)].sort(compare) as [Bytes, Bytes];
  const both = new Uint8Array([...low, ...high]);
  const key = await crypto.subtle.importKey("raw", both, "PBKDF2", false, ["deriveBits"]);
  const algorithm = {
    name: "PBKDF2",
    hash: "SHA-512",
    salt: CONTEXT.safetyNumber,
    iterations: ITERATIONS,
  };
  const bits = await crypto.subtle.deriveBits(algorithm, key, 8 * GROUPS * GROUP_BYTES);
  const bytes = new Uint8Array(bits);
  return Array.from({ length: GROUPS }, (_, i) => group(bytes.subarray(GROUP_BYTES * i)));
}

function group(bytes: Uint8Array): string {
  const number = bytes.subarray(0, GROUP_BYTES).reduce((sum, byte) => 256 * sum + byte, 0);
  return String(number % 100_000).padStart(5, "0");
}

function digestOf(fingerprint: string): Bytes {
  return Uint8Array.fromBase64(fingerprint.slice("SHA256:".length));
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
