/**
 * The commands about invitations, and what people and programs are told of invitations.
 *
 * @module
 */

import { dayOf, secondOf } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import type { MadeInvitation, ProofOutcome } from "../trust/invitations.ts";
import { type InvitationNews, listed } from "./presenter.ts";

/** The usage of the commands about invitations. */
export const INVITE_USAGE = {
  invite: "usage: /invite [--many] [--hours N], with N from 1 to 8760",
  uninvite: "usage: /uninvite N, with the N that /invites lists",
} as const;

/** A command about invitations that has arguments. */
export type InviteCommand =
  | { readonly kind: "invite"; readonly many: boolean; readonly hours: number }
  | { readonly kind: "uninvite"; readonly number: number };

/** How long an invitation lasts by default, in hours. */
export const DEFAULT_HOURS = 24;
/** How long an invitation lasts at most: a year, in hours. */
const MAX_HOURS = 8_760;

/**
 * Parses the arguments of `/invite` and `/uninvite`.
 *
 * @param kind The command.
 * @param rest What follows it.
 * @returns The command; undefined if the arguments are not valid.
 */
export function parseInvite(kind: InviteCommand["kind"], rest: string): InviteCommand | undefined {
  const words = rest.split(/\s+/u).filter((word) => word !== "");
  if (kind === "uninvite") {
    const number = words.length === 1 ? wholeNumber(words[0]) : undefined;
    return number === undefined ? undefined : { kind, number };
  }
  let many = false;
  let hours: number | undefined;
  for (let i = 0; i < words.length; i++) {
    if (words[i] === "--many" && !many) many = true;
    else if (words[i] === "--hours" && hours === undefined) {
      hours = wholeNumber(words[++i]);
      if (hours === undefined || hours > MAX_HOURS) return undefined;
    } else return undefined;
  }
  return { kind, many, hours: hours ?? DEFAULT_HOURS };
}

/** Reads a whole number from 1 to 9999. */
function wholeNumber(word = ""): number | undefined {
  return /^[1-9]\d{0,3}$/.test(word) ? Number(word) : undefined;
}

// Refusals.

/** The failure of a user whose invitation is refused. */
export function refusedFailure(kind: "used" | "over", name: string): Failure {
  const what = "cannot join by the invitation";
  return kind === "used"
    ? new Failure({
      what,
      why: "it is for one guest, and another has come by it: SOMEBODY ELSE HAS YOUR LINK",
      code: "INVITATION_USED",
      hint: `tell ${printable(name)} so, not by this chat, and ask for another link`,
    })
    : new Failure({
      what,
      why: `it has expired or was withdrawn, or ${printable(name)} has started again since`,
      code: "INVITATION_OVER",
      hint: `ask ${printable(name)} for another link`,
    });
}

/** Says why a guest of the user was refused: a code and a sentence. */
export function refusedText(
  name: string,
  outcome: Exclude<ProofOutcome, { readonly kind: "accepted" }>,
): [code: string, text: string] {
  const number = outcome.invitation?.number;
  switch (outcome.kind) {
    case "used":
      return [
        "INVITATION_USED",
        `INVITATION ${number} WAS USED TWICE: ${name} has the link by which ${outcome.by.name} came. ` +
        "One of them is not your guest: compare fingerprints, and /exclude who is wrong",
      ];
    case "over":
      return [
        "INVITATION_OVER",
        number === undefined
          ? `${name} came by a link that you have not made in this run, and is not invited`
          : `${name} came by invitation ${number}, which ${
            outcome.invitation?.withdrawn ? "is withdrawn" : "has expired"
          }, and is not invited`,
      ];
    case "forged":
      return [
        "INVITATION_FORGED",
        `${name} has a wrong proof of invitation ${number}, and is not invited`,
      ];
  }
}

// What is shown.

/** Formats news of invitations for people, as texts without marks. */
export function invitationTexts(news: InvitationNews): string[] {
  switch (news.kind) {
    case "made": {
      const { invitation, command, web, from, atStart } = news;
      const host = from === "unknown" ? "; HOST is this machine's name or address" : "";
      const where = from === "this machine" ? " on this machine" : "";
      const whom = `${whomText(invitation)}${where}, until ${untilText(invitation)}${host}`;
      const page = web === undefined ? "" : `   or in a browser: ${printable(web)}`;
      const text = `invitation ${invitation.number}: ${printable(command)}${page} (${whom})`;
      return atStart ? [text] : [text, "send it privately: whoever has the link is your guest"];
    }
    case "listed":
      return news.invitations.length === 0
        ? ["you have no invitations: /invite makes one"]
        : news.invitations.map(listedText);
    case "withdrawn":
      return [`invitation ${news.number} is withdrawn: nobody comes by it any more`];
    case "guest":
      return [`${news.peer.credential.name} joins by your invitation ${news.number}`];
    // The start of the chat says it.
    case "waiting":
      return news.atStart ? [] : [waitingText(news.absent)];
    // The inviter's standing says it.
    case "host":
      return [];
  }
}

/** Says whom the user's messages wait for. */
export function waitingText(absent: string): string {
  return `waiting for ${absent}: nothing is sent to anybody until then`;
}

function listedText(invitation: MadeInvitation): string {
  const { number, guests } = invitation;
  const names = guests.map(({ name }) => name);
  const came = names.length === 0 ? "nobody has come by it" : `${listed(names)} came by it`;
  return `invitation ${number}, ${whomText(invitation)}, until ${untilText(invitation)}: ${came}`;
}

function whomText({ many }: MadeInvitation): string {
  return many ? "for many guests" : "for one guest";
}

/** Says until when an invitation lasts, in this machine's local time. */
function untilText({ expiresAt }: MadeInvitation): string {
  return `${dayOf(expiresAt)} ${secondOf(expiresAt).slice(0, "HH:MM".length)}`;
}
