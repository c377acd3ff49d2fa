/**
 * What a fault means, in words.
 *
 * @module
 */

import { FAULTS } from "../chat/incoming.ts";
import type { FaultCode, MemberEvent } from "../tcp_chat.ts";

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
