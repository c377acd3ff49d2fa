/**
 * Presents a conversation to programs: one JSON object per line.
 *
 * Field names are a stable interface: later versions only add fields.
 *
 * @module
 */

import { printableJsonText as quoted } from "../../base/printable.ts";
import { jsonEvent as line, jsonEventStart, timeFormat } from "../../cli/output.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { WaitingLine } from "../member/deliveries.ts";
import type { Entered, Missed } from "../member/lines.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { MissedSpan } from "../member/time.ts";
import type { RelayEvent } from "../relay/options.ts";
import type { MadeInvitation } from "../trust/invitations.ts";
import type { TrustState } from "../trust/trust.ts";
import type { WordsEvent } from "../trust/words.ts";
import { waitingText } from "./invite.ts";
import { changeText, faultText, isIgnored } from "./peer_texts.ts";
import type {
  Identified,
  InvitationNews,
  Listening,
  ServerPresenter,
  Status,
  TrustView,
  Verdict,
} from "./presenter.ts";
import { CHAT_COMMANDS } from "./slash_commands.ts";
import { isAction } from "./speech.ts";
import { frameFields, type WireFrame } from "./wire_dump.ts";

/**
 * Formats events as JSON lines. Those of each message are joined from their parts: there may be tens of thousands a
 * second, and `JSON.stringify` of an object takes three times as long.
 */
export class Report implements ServerPresenter {
  readonly #who: TrustView | undefined;
  #roomName: string | undefined;

  /**
   * @param who The trust decisions; a relay without a member has none.
   * @param roomName The name of the member's room.
   */
  constructor(who?: TrustView, roomName?: string) {
    this.#who = who;
    this.#roomName = roomName;
  }

  listening({ addr, room, tls, join: { commands }, metrics, web }: Listening): string[] {
    const { hostname: host, port } = addr;
    return [
      line("listening", { host, port, room: room.toHex(), tls, join: commands, web }),
      ...metrics === undefined ? [] : this.notice(`metrics at ${metrics}`),
    ];
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        return [this.#line(event.self, { self: true, confirmed: true, trust: "verified" })];
      case "joined":
        return this.#joined(event.peer);
      case "left":
        return [
          line("left", {
            name: event.peer.credential.name,
            reason: event.reason,
            signed: event.signed,
          }),
        ];
      case "away":
        return [line("away", { name: event.peer.credential.name })];
      case "back":
        return [line("back", { name: event.peer.credential.name })];
      case "disconnected":
        return [line("disconnected", { reason: event.reason })];
      case "reconnected":
        return [line("reconnected", { room: event.room.toHex(), ...missedSpan(event.missed) })];
      case "message":
        return [message(event, this.#trust(event.from))];
      case "sent":
        return [`${sentStart()},"id":"${event.line.id}","text":${quoted(event.line.text)}}`];
      case "delivered":
        if (event.missed === undefined) return [`${deliveredStart()},"id":"${event.line.id}"}`];
        return [line("delivered", { id: event.line.id, missed: namesOf(event.missed) })];
      case "unheard":
        // There are no recipients: the line is sent and delivered to none.
        return [
          line("sent", { id: event.line.id, text: event.line.text, recipients: 0 }),
          line("delivered", { id: event.line.id, recipients: 0, missed: namesOf(event.missed) }),
        ];
      case "confirmed":
        return [line("confirmed", { name: event.peer.credential.name })];
      case "fault":
        return isIgnored(event, this.#who) ? [] : [fault(event)];
      case "notice":
      case "ready":
      case "ended":
        return [];
    }
  }

  identifies(): boolean {
    return true;
  }

  relayEvent(event: RelayEvent): string[] {
    switch (event.kind) {
      case "joined":
        return [
          joined(event.credential, { self: false, confirmed: true, roomName: event.roomName }),
        ];
      case "left":
        return [
          line("left", {
            name: event.credential.name,
            reason: event.reason,
            roomName: event.roomName,
          }),
        ];
      case "away":
      case "back":
        return [line(event.kind, { name: event.credential.name, roomName: event.roomName })];
      case "refused":
        return [line("refused", { reason: event.reason, detail: event.detail })];
      case "failed":
        return [line("failed", { detail: event.detail })];
      case "connected":
      case "slowed":
        return [];
    }
  }

  said(
    _text: string,
    _to: string | undefined,
    _entered: Entered & { readonly ok: true },
  ): string[] {
    return [];
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    return [line("roster", {
      roomName: this.#roomName,
      members: members.map((peer) => {
        const { key, name, fingerprint } = peer.credential;
        const { confirmed, away } = peer;
        const own = key === self.key;
        const trust = own ? "verified" : this.#trust(peer);
        return { name, fingerprint, self: own, confirmed, away, trust };
      }),
    })];
  }

  names(members: readonly Peer[], self: OwnCredential): string[] {
    return this.roster(members, self);
  }

  fingerprint({ name, fingerprint, other }: Identified): string[] {
    const more = other === undefined
      ? { trust: "verified" }
      : { trust: other.standing.trust, safetyNumber: other.safetyNumber.join(" ") };
    return [line("fingerprint", { name, fingerprint, self: other === undefined, ...more })];
  }

  words({ peer, words, state, by, both, why }: WordsEvent): string[] {
    const { name, fingerprint } = peer.credential;
    const fields = { peer: name, fingerprint, words: words?.join(" "), state, by };
    return [line("words", { ...fields, both: state === "confirmed" ? both : undefined, why })];
  }

  decided(_verdict: Verdict, name: string, peer: Peer | undefined): string[] {
    if (peer === undefined) return [line("trust", { name, trust: "new" })];
    const { name: known, fingerprint } = peer.credential;
    const ignored = this.#who?.ignores(peer.credential) === true ? true : undefined;
    return [line("trust", { name: known, fingerprint, trust: this.#trust(peer), ignored })];
  }

  locked(locked: boolean, leftOut: readonly Peer[]): string[] {
    return [line("lock", { locked, excluded: leftOut.map(({ credential }) => credential.name) })];
  }

  #joined(peer: Peer): string[] {
    const { credential, confirmed } = peer;
    const trust = this.#trust(peer);
    const alike = this.#who?.standing(credential).alike.map(({ name }) => name) ?? [];
    const lines = [
      this.#line(credential, {
        self: false,
        confirmed,
        trust,
        ...alike.length === 0 ? {} : { alike },
      }),
    ];
    if (trust !== "changed") return lines;
    const message = changeText(credential, this.#who!.standing(credential));
    return [...lines, line("error", { code: "KEY_CHANGED", message, from: credential.name })];
  }

  #line(credential: Identity, fields: JoinedFields): string {
    return joined(credential, { ...fields, roomName: this.#roomName });
  }

  #trust({ credential }: Peer): TrustState | undefined {
    return this.#who?.of(credential);
  }

  status({ connected, others, away, waiting, more, gated }: Status): string[] {
    const { locked } = this.#who ?? {};
    const fields = {
      connected,
      roomName: this.#roomName,
      members: others + 1,
      away,
      locked,
      gated,
    };
    return [line("status", { ...fields, waiting: waiting.map(waitingFields), more })];
  }

  invitation(news: InvitationNews): string[] {
    switch (news.kind) {
      case "made":
        return [
          line("invitation", {
            ...{ ...invitationFields(news.invitation), link: news.link, web: news.web },
          }),
        ];
      case "listed":
        return [line("invitations", { invitations: news.invitations.map(invitationFields) })];
      case "withdrawn":
        return [line("withdrawn", { number: news.number })];
      case "waiting":
        return this.notice(waitingText(news.absent));
      case "guest":
      case "host": {
        const { name, fingerprint } = news.peer.credential;
        const invitation = news.kind === "guest" ? news.number : undefined;
        return [line("trust", { name, fingerprint, trust: this.#trust(news.peer), invitation })];
      }
    }
  }

  slow(waiting: WaitingLine): string[] {
    return [line("waiting", waitingFields(waiting))];
  }

  /** Programs are told of each coming and going. */
  more(): string[] {
    return [line("notice", { text: "/more: --json shows every message whole" })];
  }

  quiet(): string[] {
    return [line("notice", { text: "quiet: --json tells of every coming and going" })];
  }

  enters(roomName: string): void {
    this.#roomName = roomName;
  }

  answer(event: string, fields: Readonly<Record<string, unknown>>): string[] {
    return [line(event, fields)];
  }

  help(): string[] {
    const commands = Object.entries(CHAT_COMMANDS).map(([usage, help]) => ({ usage, help }));
    return [line("help", { commands })];
  }

  notice(text: string): string[] {
    return [line("notice", { text })];
  }

  error(code: string, message: string): string[] {
    return [line("error", { code, message })];
  }

  wire(frame: WireFrame): string[] {
    return [line("wire", frameFields(frame))];
  }
}

/** Returns the fields of a missed span as ISO 8601 times; no fields if nothing was missed. */
function missedSpan(missed: MissedSpan | undefined): Readonly<Record<string, string>> {
  if (missed === undefined) return {};
  const { from, to } = missed;
  return { missedFrom: new Date(from).toISOString(), missedTo: new Date(to).toISOString() };
}

/** Returns the names of recipients that are not known to have shown a message. */
function namesOf(missed: readonly Missed[] | undefined): string[] | undefined {
  return missed?.map(({ name }) => name);
}

function waitingFields({ line, sent, shown, recipients, waitingFor }: WaitingLine) {
  return {
    id: line.id,
    text: line.text,
    to: line.to?.credential.name,
    sentAt: new Date(line.time).toISOString(),
    sent,
    shown,
    recipients,
    waitingFor: waitingFor.map(({ credential }) => credential.name),
  };
}

interface Identity {
  readonly name: string;
  readonly fingerprint: string;
}

interface JoinedFields {
  readonly self: boolean;
  readonly confirmed: boolean;
  readonly roomName?: string | undefined;
  readonly trust?: TrustState | undefined;
  /** The names of known peers that look the same but have another key. */
  readonly alike?: readonly string[];
}

function joined({ name, fingerprint }: Identity, fields: JoinedFields): string {
  return line("joined", { name, fingerprint, ...fields });
}

const entryTime = timeFormat();
const messageStart = jsonEventStart("message");
const sentStart = jsonEventStart("sent");
const deliveredStart = jsonEventStart("delivered");

function message(
  event: MemberEvent & { readonly kind: "message" },
  trust: TrustState | undefined,
): string {
  const { name, fingerprint } = event.from.credential;
  const { text, id } = event;
  const from = `"from":${quoted(name)},"fingerprint":"${fingerprint}"`;
  const what = `"text":${quoted(text)},"id":"${id}","private":${event.private}`;
  const trusted = trust === undefined ? "" : `,"trust":"${trust}"`;
  const action = isAction(text) ? `,"action":true` : "";
  const late = event.late === true ? `,"late":true` : "";
  const sentAt = `,"sentAt":"${entryTime(event.time)}"`;
  return `${messageStart()},${from},${what}${trusted}${action}${sentAt}${late}}`;
}

function fault(event: MemberEvent & { readonly kind: "fault" }): string {
  const { code, peer, count } = event;
  const from = peer === undefined ? {} : { from: peer.credential.name };
  return line("error", { code, message: faultText(event), ...from, count });
}

/** `guests` is for how many guests it is, null for many; `came` names those that came. */
function invitationFields({ number, expiresAt, many, guests }: MadeInvitation) {
  return {
    number,
    expires: new Date(expiresAt).toISOString(),
    guests: many ? null : 1,
    came: guests.map(({ name }) => name),
  };
}
