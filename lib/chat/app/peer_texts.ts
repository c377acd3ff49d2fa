/**
 * What people are told about other members: their names in a list, their standing and keys, the decisions about them,
 * faults of their messages, and words to compare.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { type FaultCode, FAULTS, type MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import { type KnownPeer, MAX_ALIKE, MAX_UNDECIDED } from "../trust/known_peers.ts";
import {
  type Crowding,
  type Exclusion,
  MAX_ALIASES,
  MAX_SAVED,
  type Standing,
} from "../trust/trust.ts";
import { SHOWN_MS, type WordsEvent } from "../trust/words.ts";
import { type Reason, REASONS } from "../wire/kinds.ts";
import type { Identified, TrustView, Verdict } from "./presenter.ts";

/** The maximum number of names in a list; the rest is counted. */
export const NAMES_SAID = 3;

/** Lists the names of peers; of many, the first ones and a count. */
export function namesOf(peers: readonly Peer[]): string {
  return listed(peers.map(({ credential }) => credential.name));
}

/**
 * Lists names; of many, the first ones and a count.
 *
 * @param names The names, or the first {@linkcode NAMES_SAID} of them.
 * @param more The number of names that follow.
 */
export function listed(names: readonly string[], more = 0): string {
  const all = names.length + more;
  if (all > NAMES_SAID || more > 0) {
    const first = names.slice(0, NAMES_SAID - 1);
    const rest = all - first.length;
    const others = rest === 1 ? "1 other" : `${rest} others`;
    return first.length === 0 ? others : `${first.join(", ")} and ${others}`;
  }
  const last = names.at(-1)!;
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** Names a room in a sentence. */
export function roomText(roomName: string): string {
  return roomName === "" ? "the room without a name" : `the room ${printable(roomName)}`;
}

const EXCLUDED: Readonly<Record<Exclusion, string>> = {
  "by command": "excluded by you",
  unexpected: "excluded: not in your --expect list",
  locked: "excluded: new, and the room is locked",
};

/** What a person can do about keys that are not verified or not kept. */
export interface KeyHints {
  /** Says that no one is verified. */
  readonly unverified: string;
  /** Says that no one is verified, and that the invited ones are as sure as the link. */
  readonly invited: string;
  /** Follows a verification that is not kept for later runs. */
  readonly unremembered: string;
  /** Follows one's own fingerprint if the identity is not kept. */
  readonly ephemeral: string;
}

/** What a person at a terminal can do. */
export const OPTIONS_HINTS: KeyHints = {
  unverified: "no one is verified yet: run /verify NAME and compare words by phone",
  invited: "invited: sure unless somebody else had the link; if in doubt, run /verify NAME",
  unremembered: "later key changes go unnoticed: --known-peers FILE remembers keys",
  ephemeral: "your key lasts for this run only: --identity FILE keeps a key",
};

/** Says that not all peers who are met can be remembered. */
export const CROWDED_TEXT: Readonly<Record<Crowding, string>> = {
  run: `${MAX_SAVED} people were met for the first time in this run: others are not remembered`,
  file: `you know ${MAX_UNDECIDED} people only by sight: the oldest give way; /trust or /verify ` +
    `those who must stay`,
};

/** Says that the known-peers file could not be written. */
export function unwrittenText({ what, why, hint = "check the file" }: Failure): string {
  return `${what}: ${why}; new peers are remembered for this run only until this is fixed: ${hint}`;
}

/** Says that leaving waits for the known-peers file. */
export const SETTLING_TEXT = "the known-peers file is being written; Ctrl-C leaves without";

/** Says that the user did not wait for the known-peers file. */
export const UNSAVED_TEXT = "the known-peers file was not written: new peers may not be saved";

/** Says that the known-peers file can be written again. */
export const WRITTEN_TEXT = "the known-peers file can be written again: new peers are saved";

/** Says that another process has locked the known-peers file. */
export const WAITING_TEXT = "waiting for the known-peers file: another process has locked it";

/**
 * Describes a peer's standing in a few words: `verified`, `new; has the same key as bo`.
 *
 * @param peer The peer.
 * @param standing What is known about its identity.
 * @param own The fingerprint of this side.
 */
export function standingText(
  { credential }: Peer,
  standing: Standing,
  own: string | undefined,
): string {
  const parts = [trustText(standing)];
  if (credential.fingerprint === own) parts.push("has your own key");
  if (standing.aliases.length > 0) parts.push(`has the same key as ${aliasText(standing)}`);
  if (standing.alike.length > 0) {
    const names = orMore(
      listed(standing.alike.map(({ name }) => name)),
      standing.alike.length === MAX_ALIKE,
    );
    parts.push(`NOT ${names}, whose name looks the same but whose key differs`);
  }
  if (standing.before !== undefined && standing.trust !== "changed") {
    parts.push(`NOT the key that ${credential.name} had before, ${standing.before}`);
  }
  return parts.join("; ");
}

/**
 * Lists members, each with a remark about its identity. Members with the same key and the same remark are one entry.
 *
 * @param peers The members.
 * @param view What is known about their identities, the fingerprint of this side, and how a name is shown.
 */
export function remarkedTexts(
  peers: readonly Peer[],
  { standing, own, name }: {
    readonly standing: (peer: Peer) => Standing;
    readonly own: string | undefined;
    readonly name: (identity: Peer["credential"]) => string;
  },
): string[] {
  const members = peers.map((peer) => ({ peer, stands: standing(peer) }));
  const remark = ({ peer, stands }: typeof members[number], aliases: Standing["aliases"]) =>
    standingText(peer, { ...stands, aliases }, own);
  const groups = Map.groupBy(members, (member) => {
    const { name, fingerprint } = member.peer.credential;
    // A member whose key has changed is always named.
    const alone = member.stands.trust === "changed" ? name : "";
    return `${fingerprint} ${alone} ${remark(member, [])}`;
  });
  return [...groups.values()].map((group) => {
    const first = group[0]!;
    const here = new Set(group.map(({ peer }) => peer.credential.name));
    const others = first.stands.aliases.filter((alias) => !here.has(alias.name));
    const names = listed(group.map(({ peer }) => name(peer.credential)));
    const one = group.length > 1 ? "one key; " : "";
    return `${names} ${first.peer.credential.fingerprint} (${one}${remark(first, others)})`;
  });
}

function trustText({ trust, exclusion, known, invitation }: Standing): string {
  switch (trust) {
    case "known":
      return `known since ${since(known)}`;
    case "changed":
      return "ITS KEY HAS CHANGED";
    case "excluded":
      return EXCLUDED[exclusion!];
    case "invited":
      return invitation ?? trust;
    case "new":
    case "verified":
      return trust;
  }
}

/** Returns the day of the first meeting without the time. */
function since(known: readonly KnownPeer[]): string {
  return known[0]!.firstSeen.slice(0, 10);
}

function aliasText({ aliases }: Standing): string {
  const names = aliases.map(({ name, verified }) => verified ? `${name} (verified)` : name);
  return orMore(listed(names), names.length === MAX_ALIASES);
}

/** Says that a list was cut. */
function orMore(list: string, isCut: boolean): string {
  return isCut ? `${list} or more` : list;
}

/** Says which keys are known under a name. */
export function formerKeys({ known }: Standing): string[] {
  return known.map((peer) => {
    const isProved = peer.status === "verified" || peer.status === "invited";
    const compared = isProved ? `, ${peer.status}` : "";
    return `it was ${peer.fingerprint} (known since ${since([peer])}${compared})`;
  });
}

/**
 * Says in two lines which members here have other keys than the known ones. The fingerprints stand
 * beside the names.
 */
export function changedAtStart(changed: readonly Peer[]): string[] {
  const names = namesOf(changed);
  const [{ credential: { name } }] = changed as readonly [Peer];
  return changed.length === 1
    ? [
      `THE KEY OF ${name} HAS CHANGED: nothing is sent to this ${name}, whose messages are hidden`,
      `ask ${name} by phone (/fingerprint ${name}); if the new key is right: /trust ${name}`,
    ]
    : [
      `THE KEYS OF ${names} HAVE CHANGED: nothing is sent to them, and their messages are hidden`,
      `ask each of them by phone (/fingerprint NAME); if the new key is right: /trust NAME`,
    ];
}

/** Returns the warning about a changed key, as lines for a terminal. */
export function changeWarning(
  { name, fingerprint }: Peer["credential"],
  standing: Standing,
): string[] {
  const old = formerKeys(standing).map((line) => `  ${line}`);
  const alias = standing.aliases.length > 0 ? `, the key of ${aliasText(standing)}` : "";
  return [
    `THE KEY OF ${name} HAS CHANGED: someone else uses the name, or ${name} has a new key.`,
    ...old,
    `  it is  ${fingerprint}${alias}`,
    `Nothing is sent to this ${name}, and its messages are hidden.`,
    `Ask ${name} by phone or in person. If the new key is right: /trust ${name}`,
  ];
}

/** Returns the same warning as one sentence, for programs. */
export function changeText({ name, fingerprint }: Peer["credential"], { known }: Standing): string {
  const old = known.map((peer) => peer.fingerprint).join(", ");
  return `the key of ${name} has changed from ${old} to ${fingerprint}: nothing is sent to it and ` +
    `its messages are hidden until /trust ${name}`;
}

/**
 * Says what the fingerprint of another member and the safety number with it are, and what to do if they match.
 *
 * @param peer The member.
 * @param other What is known about its identity.
 */
export function fingerprintText(
  { name, fingerprint }: Identified,
  { standing, safetyNumber }: NonNullable<Identified["other"]>,
): string[] {
  return [
    `the fingerprint of ${name} is ${fingerprint}`,
    ...standing.trust === "changed" ? formerKeys(standing) : [],
    `the safety number of you and ${name} is`,
    `    ${safetyNumber.slice(0, 6).join(" ")}`,
    `    ${safetyNumber.slice(6).join(" ")}`,
    `compare one of them with ${name} by phone or in person`,
    ...matchTexts(name, standing),
  ];
}

/** Says what to do if a fingerprint or a safety number matches, and if not. */
function matchTexts(name: string, { trust }: Standing): string[] {
  const verify = `/verify ${name} yes`;
  const either = `if they match: ${verify}   if not: /verify ${name} no`;
  switch (trust) {
    case "changed":
      return [`if they match: /trust ${name}, then ${verify}`];
    case "verified":
      return [`you have verified ${name}`];
    case "invited":
      return [`${name} is invited: sure unless somebody else had the link`, either];
    default:
      return [either];
  }
}

/** Confirms a decision of the user. */
export function verdictText(
  verdict: Verdict,
  name: string,
  peer: Peer | undefined,
  who: TrustView,
): string {
  const remembered = who.remembers ? "" : ", for this run";
  const obstacle = peer === undefined ? undefined : who.obstacle(peer);
  const still = obstacle === undefined ? "" : `; but it ${obstacle}`;
  switch (verdict) {
    case "verify":
      return `${name} is verified${remembered}: ${peer!.credential.fingerprint}${still}`;
    case "trust":
      return `the key of ${name} is accepted${remembered}: ` +
        `${peer!.credential.fingerprint}${still}`;
    case "forget":
      return `${name} is forgotten: the next member with that name is new`;
    case "exclude":
      return `${name} no longer receives your messages; /include ${name} undoes this`;
    case "include":
      return obstacle === undefined
        ? `${name} receives your messages again`
        : `${name} is no longer excluded by you${still}`;
    case "ignore":
      return `messages of ${name} are hidden, and ${name} is told so; /unignore ${name} undoes this`;
    case "unignore":
      return `messages of ${name} are shown again`;
  }
}

/** Says who receives messages after /lock or /unlock. */
export function lockText(locked: boolean, leftOut: readonly Peer[]): string {
  if (!locked) {
    const but = leftOut.length === 0 ? "" : ` but ${namesOf(leftOut)}`;
    return `unlocked: everyone${but} receives your messages`;
  }
  const rule = "locked: only known, invited and verified members receive your messages";
  return leftOut.length === 0 ? rule : `${rule}; ${namesOf(leftOut)} ${verb(leftOut)} not`;
}

/** Says which members here do not receive messages. */
export function leftOutText(leftOut: readonly Peer[]): string {
  return `${namesOf(leftOut)} ${verb(leftOut)} not receive your messages`;
}

function verb(peers: readonly Peer[]): string {
  return peers.length === 1 ? "does" : "do";
}

/** Returns whether a fault is not worth telling: the user wished that these messages are hidden. */
export function isIgnored(
  { code, peer }: MemberEvent & { readonly kind: "fault" },
  who: TrustView | undefined,
): boolean {
  return code === "HIDDEN" && peer !== undefined && who?.ignores(peer.credential) === true;
}

const TEXT: Readonly<Record<FaultCode, string>> = {
  ...FAULTS,
  ROSTER_DIFFERS:
    "sees different members in this room than you: the relay may be deceiving one of you",
  HIDDEN: "has a different key than the one you know",
  MISTRUSTED: "sends you no messages, because it knows another key under your name: compare " +
    "fingerprints by phone",
  UNREACHABLE: "its session key cannot be used; your messages do not reach it",
  FAILED: "parley failed on a frame",
  CLOCK_BEHIND: "this machine's clock is behind that member's: check which is right",
  BAD_CREDENTIAL: "the relay listed a member whose credential is invalid",
  CREDENTIAL_EXPIRED: "the relay listed a member whose credential has expired",
  NAME_TAKEN: "the relay listed a second member under one name",
};

/** Faults after which messages are still shown. */
const SHOWN: ReadonlySet<FaultCode> = new Set([
  "GAP",
  "UNREACHABLE",
  "MISTRUSTED",
  "CLOCK_BEHIND",
]);

/** Describes a fault in one sentence. */
export function faultText(event: MemberEvent & { readonly kind: "fault" }): string {
  const { code, peer, detail, count } = event;
  const who = peer === undefined ? "" : `${peer.credential.name}: `;
  const more = detail === "" ? "" : ` (${detail})`;
  const consequence = SHOWN.has(code)
    ? ""
    : peer === undefined && code !== "UNKNOWN_SENDER"
    ? "; not admitted"
    : "; it is not shown";
  const times = count > 1 ? `, ${count} times so far` : "";
  return `${who}${TEXT[code]}${more}${consequence}${times}`;
}

/** What a person is told about words: a few lines, and whether they are an alarm. */
export interface WordsText {
  readonly lines: readonly string[];
  readonly alarm: boolean;
}

/** Describes what happened to words, for people. */
export function wordsText(event: WordsEvent): WordsText {
  const { peer: { credential: { name } }, state, by } = event;
  switch (state) {
    case "asked":
      return note(
        by === "self"
          ? `asking ${name} for words to compare …`
          : `${name} wants to compare words with you, so that you can be sure of each other`,
      );
    case "shown":
      return note(
        `the words of you and ${name} are`,
        `    ${event.words!.join("  ")}`,
        `compare them with ${name} by phone or in person, not in this chat`,
        event.confirmed
          ? `you have confirmed them`
          : `the same: /verify ${name} yes   not the same: /verify ${name} no`,
      );
    case "confirmed":
      return note(confirmedText(event));
    case "differ":
      return { alarm: true, lines: differText(event) };
    case "ended":
      return endText(event);
  }
}

function note(...lines: readonly string[]): WordsText {
  return { alarm: false, lines };
}

function confirmedText({ peer: { credential: { name } }, by, both }: WordsEvent): string {
  if (both) return `you and ${name} have both confirmed the words`;
  return by === "self"
    ? `${name} has not confirmed the words yet`
    : `${name} has confirmed the words; if you see the same ones: /verify ${name} yes`;
}

function differText({ peer: { credential: { name } }, by, words, confirmed }: WordsEvent) {
  const what = by === "peer"
    ? `${name} SAYS THAT THE WORDS DIFFER`
    : `THE ${words === undefined ? "SAFETY NUMBERS" : "WORDS"} OF YOU AND ${name} DIFFER`;
  const undo = confirmed ? `, /forget ${name} undoes your confirmation` : "";
  return [
    `${what}: someone may be between you, and read what you write to each other.`,
    `Write nothing secret here. If one of you may have misread, try once more: /verify ${name}`,
    `If they differ again, meet elsewhere: /exclude ${name} stops your messages to it${undo}`,
  ];
}

function endText(event: WordsEvent): WordsText {
  const { name } = event.peer.credential;
  const instead = `compare the safety number instead: /fingerprint ${name}`;
  switch (event.why!) {
    case "unanswered":
      return note(
        `${name} does not answer: it is away, or you have asked it too often`,
        instead,
      );
    case "unsent":
      return note(`${name} cannot be asked now; ${instead}`);
    case "forged":
      return {
        alarm: true,
        lines: [
          `THE PROGRAM OF ${name} CHEATS: it has revealed another number than the one it had fixed before,`,
          `with which it could choose the words itself. There are no words. Do not trust this ${name}.`,
        ],
      };
    case "unfinished":
      return {
        alarm: true,
        lines: [
          `${name} has begun to compare words and does not go on: there are no words. If that happens ` +
          `again and again, someone may be guessing them.`,
        ],
      };
    case "expired":
      return note(`${outcome(event)}: ${SHOWN_MS / 60_000} minutes are over`);
    case "again":
      return note(`${outcome(event)}: ${name} begins again`);
    case "given up":
      return note(
        `${outcome(event)}: ${event.by === "self" ? "you have" : `${name} has`} given up`,
      );
    case "left":
      return note(`${outcome(event)}: ${name} has left`);
    case "stay":
      return note(`${outcome(event)}: you have joined anew`);
  }
}

/** Says what is left of an attempt that ended. */
function outcome({ peer: { credential: { name } }, words, confirmed }: WordsEvent): string {
  if (confirmed) return `${name} has not confirmed the words`;
  return words === undefined
    ? `there are no words of you and ${name}`
    : `the words of you and ${name} no longer count`;
}

/** Says that a member is away or back. */
export function presenceText(name: string, kind: "away" | "back"): string {
  return kind === "away" ? `${name} is away: its connection was lost` : `${name} is back`;
}

/** Says that a member left. Only a leaving that the member signed is more than the relay's word. */
export function leftText(name: string, reason: Reason, signed: boolean): string {
  if (reason === "REPLACED") return `${name} is gone: another run has come under that name`;
  if (reason !== "LEFT") return `${name} is gone: ${REASONS[reason].text}`;
  return signed ? `${name} left` : `the relay says that ${name} has left`;
}
