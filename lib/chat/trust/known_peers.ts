/**
 * Known peers: the format of the file that remembers them, and what changes in it. No I/O.
 *
 * One line a peer, for people to read and to edit:
 *
 *     bo SHA256:QVOreUxDFp3TIpgI0pD4JrVWece6lf5EGoU0N+R42S8 2026-11-24T04:27:29Z verified  # met in Delft
 *
 * The name, the fingerprint of the identity, when it was first seen (UTC), and `verified` or `unverified`; a
 * comment may follow. Empty lines and lines that start with `#` are comments. Several lines may have one name: any of their keys is that peer's.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { foldName, nameLooks, normalizeName } from "../identity/name.ts";

/** A peer that is remembered. */
export interface KnownPeer {
  readonly name: string;
  readonly folded: string;
  readonly fingerprint: string;
  /** As it stands in the file: a date, or a date and a time in UTC (ISO 8601). */
  readonly firstSeen: string;
  /** Whether its fingerprint was compared with its owner. */
  readonly verified: boolean;
}

/** What is to be remembered, or forgotten. */
export type KnownPeersChange =
  /** Somebody was seen for the first time: a line of its own, unless the name has one. */
  | {
    readonly kind: "meet";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** This is the key of that name, and no other. */
  | {
    readonly kind: "trust";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  /** The same, and its fingerprint was compared. */
  | {
    readonly kind: "verify";
    readonly name: string;
    readonly fingerprint: string;
    readonly at: number;
  }
  | { readonly kind: "forget"; readonly name: string };

/** What a known-peers file starts with. */
export const HEADER =
  `# parley's known peers, one a line: name, fingerprint, first seen (UTC), verified or unverified.
# Edit it as you like: comments and the order of lines are kept.
`;

/** The form of a line, for hints. */
export const LINE_FORM = "NAME SHA256:… DATE verified|unverified";

/** A line that is none. */
export class KnownPeersError extends Error {
  /** Makes the error of its reason and of the line, from 1. */
  constructor(readonly line: number, message: string) {
    super(message);
    this.name = "KnownPeersError";
  }
}

interface Line {
  text: string;
  peer: KnownPeer | undefined;
}

/** The known peers of a file: its lines, each as it stands there. */
export class KnownPeers {
  #lines: Line[];
  #byName: Map<string, KnownPeer[]> | undefined;
  #byFingerprint: Map<string, KnownPeer[]> | undefined;
  #byLook: Map<string, KnownPeer[]> | undefined;

  private constructor(lines: Line[]) {
    this.#lines = lines;
  }

  /**
   * Reads the text of a file.
   *
   * @throws {KnownPeersError} Where a line is neither a peer nor a comment, saying which.
   */
  static parse(text: string): KnownPeers {
    const lines = text.split("\n");
    // What is behind the last line feed is no line where it is empty.
    if (lines.at(-1) === "") lines.pop();
    return new KnownPeers(lines.map((line, i) => ({ text: line, peer: readLine(line, i + 1) })));
  }

  /** The text of the file. */
  get text(): string {
    return this.#lines.map(({ text }) => `${text}\n`).join("");
  }

  /** Those of a name, folded. */
  ofName(folded: string): readonly KnownPeer[] {
    this.#byName ??= Map.groupBy(this.#peers(), (peer) => peer.folded);
    return this.#byName.get(folded) ?? [];
  }

  /** Those of an identity, under whichever names. */
  ofFingerprint(fingerprint: string): readonly KnownPeer[] {
    this.#byFingerprint ??= Map.groupBy(this.#peers(), (peer) => peer.fingerprint);
    return this.#byFingerprint.get(fingerprint) ?? [];
  }

  /** Those whose names look like a name, that one itself among them. */
  alike(name: string): readonly KnownPeer[] {
    this.#byLook ??= this.#indexLooks();
    return [...new Set(nameLooks(name).flatMap((look) => this.#byLook!.get(look) ?? []))];
  }

  #indexLooks(): Map<string, KnownPeer[]> {
    const index = new Map<string, KnownPeer[]>();
    for (const peer of this.#peers()) {
      for (const look of nameLooks(peer.name)) add(index, look, peer);
    }
    return index;
  }

  /** Remembers or forgets. Whatever a change does not concern stays as it stands. */
  apply(change: KnownPeersChange): void {
    if (change.kind === "forget") {
      const folded = foldName(change.name);
      return this.#remove((peer) => peer.folded === folded);
    }
    const { name, fingerprint, at } = change;
    const folded = foldName(name);
    const others = this.ofName(folded);
    const firstSeen = `${new Date(at).toISOString().slice(0, 19)}Z`;
    const peer = { name, folded, fingerprint, firstSeen, verified: change.kind === "verify" };
    if (others.length === 0) this.#append(peer);
    else if (change.kind === "meet") return;
    else if (others.every((other) => other.fingerprint !== fingerprint)) {
      this.#replace(others, peer);
    } else if (peer.verified) this.#verify(others.filter((one) => one.fingerprint === fingerprint));
  }

  #append(peer: KnownPeer): void {
    const ending = this.#lines.at(-1)?.text.endsWith("\r") === true ? "\r" : "";
    this.#lines.push({ text: lineOf(peer) + ending, peer });
    add(this.#byName, peer.folded, peer);
    add(this.#byFingerprint, peer.fingerprint, peer);
    this.#byLook = undefined;
  }

  /** Puts a peer in the place of the first of some others, and takes the rest away. */
  #replace([first, ...rest]: readonly KnownPeer[], peer: KnownPeer): void {
    write(this.#lines.find((line) => line.peer === first)!, peer);
    this.#remove((other) => rest.includes(other));
  }

  #verify(peers: readonly KnownPeer[]): void {
    for (const line of this.#lines) {
      if (line.peer !== undefined && peers.includes(line.peer)) {
        write(line, { ...line.peer, verified: true });
      }
    }
    this.#forgetIndex();
  }

  #remove(is: (peer: KnownPeer) => boolean): void {
    this.#lines = this.#lines.filter(({ peer }) => peer === undefined || !is(peer));
    this.#forgetIndex();
  }

  #forgetIndex(): void {
    this.#byName = this.#byFingerprint = this.#byLook = undefined;
  }

  #peers(): KnownPeer[] {
    return this.#lines.flatMap(({ peer }) => peer === undefined ? [] : [peer]);
  }
}

function add(index: Map<string, KnownPeer[]> | undefined, key: string, peer: KnownPeer): void {
  const there = index?.get(key);
  if (there === undefined) index?.set(key, [peer]);
  else there.push(peer);
}

function write(line: Line, peer: KnownPeer): void {
  // The comment behind it, and a carriage return, stay.
  const [, rest = ""] = /^\s*(?:\S+\s+){3}\S+(.*)$/s.exec(line.text) ?? [];
  line.text = lineOf(peer) + rest;
  line.peer = peer;
}

function lineOf({ name, fingerprint, firstSeen, verified }: KnownPeer): string {
  return `${name} ${fingerprint} ${firstSeen} ${verified ? "verified" : "unverified"}`;
}

function readLine(text: string, number: number): KnownPeer | undefined {
  const content = (number === 1 ? text.replace(/^\ufeff/, "") : text).trim();
  if (content === "" || content.startsWith("#")) return undefined;
  const [name = "", fingerprint = "", firstSeen = "", status = "", ...rest] = content.split(
    /[ \t]+/,
  );
  const fail = (message: string) => new KnownPeersError(number, message);
  if (!isFingerprint(fingerprint)) {
    throw fail("the second word is no fingerprint, SHA256: and 43 characters");
  }
  if (!isDate(firstSeen)) throw fail("the third word is no date, such as 2026-11-24");
  if (status !== "verified" && status !== "unverified") {
    throw fail("the fourth word is neither verified nor unverified");
  }
  if (rest.length > 0 && !rest[0]!.startsWith("#")) {
    throw fail("behind the fourth word stands something that is no comment");
  }
  const plain = readName(name, number);
  const verified = status === "verified";
  return { name: plain, folded: foldName(plain), fingerprint, firstSeen, verified };
}

function readName(name: string, number: number): string {
  try {
    return normalizeName(name);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new KnownPeersError(number, `the first word is no name: ${error.message}`);
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?$/.test(text)) return false;
  const time = Date.parse(text);
  // Date.parse takes the 31st of February.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.replace("Z", ""));
}

/** `SHA256:` and the unpadded base64 of 32 bytes: the last of 43 characters has two bits to spare. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;

/** Whether a text is the fingerprint of an identity. */
export function isFingerprint(text: string): boolean {
  return FINGERPRINT.test(text);
}
