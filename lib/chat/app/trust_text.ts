/**
 * Who is who, in words.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import type { FaultCode, MemberEvent } from "../member/options.ts";
import { FAULTS } from "../member/peer_inbox.ts";
import type { Peer } from "../member/roster.ts";
import type { KnownPeer } from "../trust/known_peers.ts";
import type { Exclusion, Standing } from "../trust/trust.ts";
import type { WhoIsWho } from "./presenter.ts";
import type { Verdict } from "./slash_commands.ts";

/** How many names are said before the rest is counted. */
const NAMES_SAID = 3;

const EXCLUDED: Readonly<Record<Exclusion, string>> = {
  "by command": "excluded by you",
  unexpected: "excluded: not one of those you expect",
  locked: "excluded: new, and the room is locked",
};

/** That the known peers could not be written, and what that means. */
export function unwrittenText({ what, why, hint = "see what is there" }: Failure): string {
  return `${what}: ${why}; what is new is remembered for this run only, until that is mended: ${hint}`;
}

/** That they could be written again. */
export const WRITTEN_TEXT = "the known peers could be written again: what is new is remembered";

/** That another process holds the file of the known peers. */
export const WAITING_TEXT = "waiting for the known peers: another process holds their file";

/** That what is new was not written when the chat ended. */
export function unsettledText(waitedMs: number): string {
  return `the known peers were not written within ${
    waitedMs / 1000
  } s: another process holds their ` +
    "file; what is new is not remembered";
}

/**
 * Who a peer is, in a few words: `verified`, `new; the key is also that of bo`.
 *
 * @param peer Who it is.
 * @param standing What is known of it.
 * @param own The fingerprint of whoever reads this.
 */
export function standingText(
  { credential, confirmed }: Peer,
  standing: Standing,
  own: string | undefined,
): string {
  const parts = [trustText(standing)];
  if (credential.fingerprint === own) parts.push("its key is your own");
  if (standing.aliases.length > 0) parts.push(`the key is also that of ${aliasText(standing)}`);
  if (standing.alike.length > 0) {
    const names = listed(standing.alike.map(({ name }) => name));
    parts.push(`NOT ${names}, whose name looks the same and whose key is another`);
  }
  if (standing.before !== undefined && standing.trust !== "changed") {
    parts.push(`NOT the key of the ${credential.name} before, which was ${standing.before}`);
  }
  if (!confirmed) parts.push("unconfirmed: it has signed nothing in this room");
  return parts.join("; ");
}

function trustText({ trust, exclusion, known }: Standing): string {
  switch (trust) {
    case "known":
      return `known since ${since(known)}`;
    case "changed":
      return "ITS KEY HAS CHANGED";
    case "excluded":
      return EXCLUDED[exclusion!];
    case "new":
    case "verified":
      return trust;
  }
}

/** The day on which somebody was first seen: nobody needs the second. */
function since(known: readonly KnownPeer[]): string {
  return known[0]!.firstSeen.slice(0, 10);
}

function aliasText({ aliases }: Standing): string {
  return listed(aliases.map(({ name, verified }) => verified ? `${name} (verified)` : name));
}

/** The loud refusal of a key that has changed, line by line. */
export function changeWarning(
  { name, fingerprint }: Peer["credential"],
  standing: Standing,
): string[] {
  const old = standing.known.map((peer) => {
    const compared = peer.verified ? ", verified" : "";
    return `  it was ${peer.fingerprint} (known since ${since([peer])}${compared})`;
  });
  const alias = standing.aliases.length > 0 ? `, the key of ${aliasText(standing)}` : "";
  return [
    `THE KEY OF ${name} HAS CHANGED. This may be somebody else who uses the name, or ${name} with a new key.`,
    ...old,
    `  it is  ${fingerprint}${alias}`,
    `Nothing is said to this ${name} and nothing of it is shown. Ask the ${name} you know, some other way`,
    `than by this chat; if the new key is right, /trust ${name}`,
  ];
}

/** The same in one sentence, for programs. */
export function changeText({ name, fingerprint }: Peer["credential"], { known }: Standing): string {
  const old = known.map((peer) => peer.fingerprint).join(", ");
  return `the key of ${name} has changed from ${old} to ${fingerprint}: nothing is said to it and ` +
    `nothing of it is shown until /trust ${name}`;
}

/** What came of a decision. */
export function verdictText(
  verdict: Verdict,
  name: string,
  peer: Peer | undefined,
  who: WhoIsWho,
): string {
  const remembered = who.remembers ? "" : ", for this run";
  const obstacle = peer === undefined ? undefined : who.obstacle(peer);
  const still = obstacle === undefined ? "" : `; but it ${obstacle}`;
  switch (verdict) {
    case "verify":
      return `${name} is verified${remembered}: ${peer!.credential.fingerprint}${still}`;
    case "trust":
      return `${name} is known by this key from now on${remembered}: ` +
        `${peer!.credential.fingerprint}${still}`;
    case "forget":
      return `${name} is forgotten: whoever comes by that name is new`;
    case "exclude":
      return `${name} gets nothing of what you say from now on; /include ${name} undoes this`;
    case "include":
      return obstacle === undefined
        ? `${name} gets what you say again`
        : `${name} is no longer excluded by you${still}`;
  }
}

/** Who is given what is said. */
export function lockText(locked: boolean, leftOut: readonly Peer[]): string {
  const rule = locked
    ? "locked: only known and verified members get what you say"
    : "unlocked: everyone gets what you say";
  return leftOut.length === 0 ? rule : `${rule}; ${namesOf(leftOut)} ${verb(leftOut)} not`;
}

/** That some of those who are here are not given what is said. */
export function leftOutText(leftOut: readonly Peer[]): string {
  return `${namesOf(leftOut)} ${verb(leftOut)} not get what you say`;
}

function verb(peers: readonly Peer[]): string {
  return peers.length === 1 ? "does" : "do";
}

/** The names of some peers; of many, how many. */
export function namesOf(peers: readonly Peer[]): string {
  return listed(peers.map(({ credential }) => credential.name));
}

function listed(names: readonly string[]): string {
  if (names.length > NAMES_SAID) {
    return `${names.slice(0, NAMES_SAID - 1).join(", ")} and ${
      names.length - NAMES_SAID + 1
    } others`;
  }
  const last = names.at(-1)!;
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

const TEXT: Readonly<Record<FaultCode, string>> = {
  ...FAULTS,
  ROSTER_DIFFERS:
    "sees other members in this room than you do: the relay may be deceiving one of you",
  HIDDEN: "has another key than you know it by",
  UNREACHABLE: "no key can be sealed to its session key; what you say does not reach it",
  FAILED: "parley failed on a frame",
  CLOCK_BEHIND: "this machine's clock is behind that member's: check which is right",
  BAD_CREDENTIAL: "the relay listed somebody whose credential does not hold",
  CREDENTIAL_EXPIRED: "the relay listed somebody whose credential has expired",
  NAME_TAKEN: "the relay listed a second member under one name",
  KEY_TAKEN: "the relay listed a second member with one key",
};

/** Faults that keep nothing, or not everything, from being shown. */
const SHOWN: ReadonlySet<FaultCode> = new Set([
  "GAP",
  "ROSTER_DIFFERS",
  "UNREACHABLE",
  "CLOCK_BEHIND",
]);

/** A fault as one sentence. */
export function faultText(event: MemberEvent & { readonly kind: "fault" }): string {
  const { code, peer, detail, count } = event;
  const who = peer === undefined ? "" : `${peer.credential.name}: `;
  const more = detail === "" ? "" : ` (${detail})`;
  const consequence = SHOWN.has(code)
    ? ""
    : peer === undefined && code !== "UNKNOWN_SENDER"
    ? "; not admitted"
    : "; nothing of it is shown";
  const times = count > 1 ? `, ${count} times now` : "";
  return `${who}${TEXT[code]}${more}${consequence}${times}`;
}
