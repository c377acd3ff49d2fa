/**
 * The invitations of a conversation: those that the user makes, the one by which the user comes, and what people are
 * told of them.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { dayOf, secondOf, steadyNow } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { isLoopback } from "../../base/host_port.ts";
import { printable, shellWord, withoutFragment } from "../../base/printable.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer, Policy } from "../member/roster.ts";
import type { Session } from "../runtime/session.ts";
import {
  type GuestEvent,
  type Invitations,
  InvitedGuest,
  type MadeInvitation,
  type ProofOutcome,
} from "../trust/invitations.ts";
import type { Trust } from "../trust/trust.ts";
import {
  type Invitation,
  type InvitationLink,
  invitationLink,
  inviterOf,
  type LinkScheme,
} from "../wire/invitation.ts";
import { WEBSOCKET_PATH } from "../wire/kinds.ts";
import { listed } from "./peer_texts.ts";
import type { Display, Gate, InvitationNews, Inviting, Presenter } from "./presenter.ts";
import { DEFAULT_HOURS } from "./slash_commands.ts";

/** Where the guests of a member join. */
export interface GuestPlace {
  /** The host that guests dial; undefined if it is not known. */
  readonly hostname: string | undefined;
  readonly port: number;
  readonly roomName: string;
  /** How guests dial it: directly by default, or by a WebSocket. */
  readonly scheme?: LinkScheme;
  /** The path of the WebSocket, in URL form; `/chat` by default. A proxy may put a prefix before that. */
  readonly path?: string | undefined;
  /** Whether guests who dial it directly use TLS. */
  readonly tls: boolean;
  /** Where the relay serves its page for browsers, if it does. */
  readonly page?: (Omit<PagePlace, "hostname"> & Pick<GuestPlace, "hostname">) | undefined;
  /** Why the relay may refuse guests, for the person who invites them; undefined if it does not. */
  readonly refusal?: string | undefined;
}

/** Where a browser finds the page of a relay. */
export interface PagePlace {
  readonly scheme: LinkScheme;
  readonly hostname: string;
  readonly port: number;
  /** The path of the WebSocket beside the page, as in {@linkcode GuestPlace}. */
  readonly path?: string;
}

/** How a guest comes: the link, the whole command of a terminal, and from where they reach the relay. */
export type GuestWays = Pick<
  InvitationNews & { readonly kind: "made" },
  "link" | "command" | "from"
>;

/** The invitation by which a user comes. */
export interface OwnInvitation {
  readonly link: InvitationLink;
  readonly invitation: Invitation;
}

/**
 * Returns why the relay may refuse the guests of a member that is not its owner. A relay that let in a key of this run
 * alone, without an invitation, admits everybody; any other may know the member by a list or by its own invitation.
 *
 * @param own The invitation by which the member came.
 * @param identity The identity that it keeps.
 */
export function refusalOf(
  own: OwnInvitation | undefined,
  identity: CryptoKeyPair | undefined,
): string | undefined {
  if (own === undefined && identity === undefined) return undefined;
  return "if this server does not admit everybody, it refuses your guest: ask its owner to invite instead";
}

/** Options of {@linkcode ChatInvitations}. */
export interface ChatInvitationsOptions {
  readonly trust: Trust;
  /** The invitations that the user makes. */
  readonly book: Invitations;
  /** The invitation by which the user comes, if there is one. */
  readonly own?: OwnInvitation | undefined;
  /** Returns where guests join. */
  readonly place: () => GuestPlace;
}

type Setup = { readonly presenter: Presenter; readonly display: Display };

/** The most refused guests that are remembered, so that each is told of once. */
const MAX_TOLD = 1_024;

/** The invitations of one conversation: those that the user makes, and the one by which the user comes. */
export class ChatInvitations implements Inviting {
  readonly #options: ChatInvitationsOptions;
  readonly #guest: InvitedGuest | undefined;
  readonly #opened = Promise.withResolvers<void>();
  #setup: Setup | undefined;
  #session: Session | undefined;
  #self: OwnCredential | undefined;
  #room: Uint8Array<ArrayBuffer> | undefined;
  #fail: (error: unknown) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The members with the inviter's identity that are in the room, and whether each has refused the user. */
  readonly #inviters = new Map<string, { readonly peer: Peer; refused: boolean }>();
  /** The name that the inviter had last. */
  #inviter: string | undefined;
  readonly #told = new Set<string>();

  /** @param options The trust decisions and the invitations. */
  constructor(options: ChatInvitationsOptions) {
    this.#options = options;
    const { own, trust } = options;
    if (own === undefined) return;
    const guest = new InvitedGuest({
      invitation: own.invitation,
      inviter: own.link.inviter,
      now: steadyNow,
      send: (peer, body) => this.#session?.sendNotice(peer, "invitation", body) ?? false,
      event: (event) => this.#guestEvent(event),
      wake: () => this.#wake(),
      failed: (error) => this.#fail(error),
    });
    this.#guest = guest;
    this.#opened.promise.catch(() => {}); // the conversation ends with it
    trust.comeBy((fingerprint) => guest.isInviter(fingerprint));
  }

  /** Shows news in a conversation. */
  showIn(setup: Setup): void {
    this.#setup = setup;
  }

  /** The member's policy: before the inviter has let the user in, only the inviter receives keys. */
  get policy(): Policy {
    const { trust } = this.#options;
    const guest = this.#guest;
    if (guest === undefined) return trust;
    const waits = ({ credential }: Peer) => !guest.givesKeysTo(credential.fingerprint);
    return {
      obstacle: (peer) =>
        waits(peer) ? "receives nothing before your inviter" : trust.obstacle(peer),
      hides: (peer) => trust.hides(peer),
      mayNotify: (peer) => !waits(peer) && trust.mayNotify(peer),
      mistrusts: (peer) => !waits(peer) && trust.mistrusts(peer),
    };
  }

  get gate(): Gate | undefined {
    if (this.#guest === undefined) return undefined;
    const closed = this.#guest.isAccepted ? undefined : this.#inviterText();
    const absent = this.#inviters.size === 0 ? closed : undefined;
    return { closed, absent, opened: this.#opened.promise };
  }

  #inviterText(): string {
    return this.#inviter === undefined
      ? "the person who invited you"
      : `${this.#inviter}, who invited you`;
  }

  begin(session: Session, fail: (error: unknown) => void): void {
    this.#session = session;
    this.#fail = fail;
    this.#wake();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#session = undefined;
  }

  /** Sets the timer of the guest. */
  #wake(): void {
    const guest = this.#guest;
    if (guest === undefined) return;
    clearTimeout(this.#timer);
    const { wakeAt } = guest;
    if (this.#session === undefined || wakeAt === Infinity) return;
    this.#timer = setTimeout(() => {
      guest.tick();
      this.#wake();
    }, Math.max(0, wakeAt - steadyNow()));
  }

  tell(event: MemberEvent): void {
    if (event.kind === "admitted") {
      this.#self = event.self;
      this.#inviters.clear();
    }
    if (event.kind === "admitted" || event.kind === "reconnected") this.#room = event.room;
    this.#guest?.take(event);
    if (event.kind === "notice" && event.notice === "invitation") this.#take(event);
    if (event.kind === "left") this.#inviterLeft(event.peer);
    if (event.kind === "ready") this.#tellThatItWaits(true);
    this.#wake();
  }

  // The guest's side.

  #inviterLeft(peer: Peer): void {
    if (this.#inviters.delete(peer.credential.key)) this.#tellThatItWaits(false);
  }

  /** Says whom the user's messages wait for. */
  #tellThatItWaits(atStart: boolean): void {
    const absent = this.gate?.absent;
    if (absent !== undefined) this.#news({ kind: "waiting", absent, atStart });
  }

  #guestEvent({ kind, inviter: peer }: GuestEvent): void {
    const { key, name } = peer.credential;
    switch (kind) {
      case "met":
        this.#inviter = name;
        this.#inviters.set(key, { peer, refused: false });
        return;
      case "accepted":
        this.#news({ kind: "host", peer });
        return this.#opened.resolve();
      case "silent":
        return this.#error("INVITATION_SILENT", `${name}, who invited you, does not answer`);
      case "used":
      case "over":
        return this.#refused(kind, peer);
    }
  }

  /** One member with the inviter's identity has refused the user; another one may know the invitation. */
  #refused(kind: "used" | "over", { credential }: Peer): void {
    const inviter = this.#inviters.get(credential.key);
    if (inviter !== undefined) inviter.refused = true;
    if (this.#inviters.values().every(({ refused }) => refused)) {
      this.#opened.reject(refusedFailure(kind, credential.name));
    }
  }

  // The inviter's side.

  async invite(many: boolean, hours: number): Promise<void> {
    await this.#make(this.#self, many, hours, false);
  }

  /** Makes an invitation for one guest before the user is in the room. */
  async inviteAtStart(self: OwnCredential): Promise<void> {
    await this.#make(self, false, DEFAULT_HOURS, true);
  }

  async #make(
    self: OwnCredential | undefined,
    many: boolean,
    hours: number,
    atStart: boolean,
  ): Promise<void> {
    const { book, place } = this.#options;
    const { roomName: room, refusal } = place();
    const invitation = await book.make({ room, many, lifeMs: hours * 3_600_000 });
    if (invitation === undefined || self === undefined) {
      const message = "you have too many invitations: /uninvite N withdraws one";
      return this.#error("TOO_MANY_INVITATIONS", message);
    }
    const link = linkTo(place(), invitation, self);
    if (link === undefined) {
      book.withdraw(invitation.number);
      const { hostname, path = "" } = place();
      const message = `a link cannot name ${hostname}${path}: use another address of the server`;
      return this.#error("NO_LINK", message);
    }
    const { page } = place();
    const web = page && linkTo({ ...place(), ...page }, invitation, self);
    const { from, command } = commandOf(link, place());
    this.#news({ kind: "made", invitation, link, web, command, from, atStart });
    if (refusal !== undefined) this.#notice(refusal);
  }

  list(): readonly MadeInvitation[] {
    return this.#options.book.list();
  }

  /** Returns how a guest comes by an invitation of the user; undefined if no link can name where guests join. */
  waysOf(invitation: MadeInvitation): GuestWays | undefined {
    const place = this.#options.place();
    const link = this.#self && linkTo(place, invitation, this.#self);
    return link === undefined ? undefined : { link, ...commandOf(link, place) };
  }

  withdraw(number: number): boolean {
    return this.#options.book.withdraw(number);
  }

  /** Takes a proof of a guest. An answer to the user's own proof is the guest's. */
  #take({ peer, body }: MemberEvent & { readonly kind: "notice" }): void {
    const room = this.#room;
    const self = this.#self?.member;
    if (room === undefined || self === undefined) return;
    this.#options.book.take(peer, body, { room, self }).then((taken) => {
      if (taken === undefined) return;
      this.#judged(peer, taken.outcome);
      if (taken.answer !== undefined) this.#session?.sendNotice(peer, "invitation", taken.answer);
    }).catch((error) => this.#fail(error));
  }

  #judged(peer: Peer, outcome: ProofOutcome): void {
    if (outcome.kind !== "accepted") return this.#tellRefused(peer, outcome);
    this.#options.trust.invite(peer, "invited by you");
    if (outcome.again) return;
    this.#news({ kind: "guest", peer, number: outcome.invitation.number });
  }

  /** Says once that a guest was refused. */
  #tellRefused(peer: Peer, outcome: Exclude<ProofOutcome, { readonly kind: "accepted" }>): void {
    const [code, text] = refusedText(peer.credential.name, outcome);
    const about = `${peer.credential.fingerprint} ${text}`;
    if (this.#told.has(about) || this.#told.size >= MAX_TOLD) return;
    this.#told.add(about);
    this.#error(code, text);
    if (outcome.kind === "used") this.#setup?.display.notify?.(true);
  }

  /** Shows news. A log keeps no link. */
  #news(news: InvitationNews): void {
    if (this.#setup === undefined) return;
    const { presenter, display } = this.#setup;
    const lines = presenter.invitation(news);
    if (news.kind !== "made") return display.print(lines);
    const { link, web, command } = news;
    const kept = presenter.invitation({
      ...news,
      link: withoutFragment(link),
      web: web && withoutFragment(web),
      command: withoutFragment(command),
    });
    display.print(lines, undefined, kept);
  }

  #notice(text: string): void {
    this.#setup?.display.print(this.#setup.presenter.notice(text));
  }

  #error(code: string, message: string): void {
    this.#setup?.display.print(this.#setup.presenter.error(code, message));
  }
}

/** What a link says if the host that guests dial is not known. */
const UNKNOWN_HOST = "HOST";

/**
 * Writes a link; undefined if it cannot name the place, such as a link-local address with its interface, or a WebSocket
 * that is not beside a page.
 */
function linkTo(
  { hostname, port, roomName: room, scheme, path = WEBSOCKET_PATH }: GuestPlace,
  { secret }: MadeInvitation,
  { fingerprint }: OwnCredential,
): string | undefined {
  if (hostname?.includes("%") || !path.endsWith(WEBSOCKET_PATH)) return undefined;
  const prefix = path.slice(0, -WEBSOCKET_PATH.length);
  const target = { port, prefix, room, secret, inviter: inviterOf(fingerprint) };
  try {
    if (hostname !== undefined) return invitationLink({ ...target, host: hostname }, scheme);
    const link = invitationLink({ ...target, host: UNKNOWN_HOST }, scheme);
    return link.replace(UNKNOWN_HOST.toLowerCase(), UNKNOWN_HOST);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/** Returns the whole command with which a guest joins, and from where. */
function commandOf(
  link: string,
  { hostname, tls }: GuestPlace,
): Omit<GuestWays, "link"> {
  // A shell takes # literally within a word.
  const plain = link.replace("#", "");
  const word = shellWord(plain) === plain ? link : shellWord(link);
  const command = `parley chat client ${word}${tls ? " --tls" : ""}`;
  if (hostname === undefined) return { command, from: "unknown" };
  return { command, from: isLoopback(hostname) ? "this machine" : "elsewhere" };
}

// Refusals.

/** The failure of a user whose invitation is refused. */
export function refusedFailure(kind: "used" | "over", name: string): Failure {
  const [what, inviter] = ["cannot join the room", printable(name)];
  return kind === "used"
    ? new Failure({
      what,
      why: "the invitation is for one guest, and another has come: SOMEBODY ELSE HAS YOUR LINK",
      code: "INVITATION_USED",
      hint: `tell ${inviter} so, not by this chat, and ask for another link`,
    })
    : new Failure({
      what,
      why: `the invitation has expired or is withdrawn, or ${inviter} has started again since`,
      code: "INVITATION_OVER",
      hint: `ask ${inviter} for another link`,
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
      const whom = `${termsText(invitation, from)}${host}`;
      const page = web === undefined ? "" : `   or in a browser: ${printable(web)}`;
      const text = `invitation ${invitation.number}: ${printable(command)}${page} (${whom})`;
      return atStart ? [text] : [text, SEND_PRIVATELY];
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

/** What follows a link. */
export const SEND_PRIVATELY = "send it privately: whoever has the link is your guest";

/** Says for whom an invitation is, from where, and until when. */
export function termsText(invitation: MadeInvitation, from: GuestWays["from"]): string {
  const where = from === "this machine" ? " on this machine" : "";
  return `${whomText(invitation)}${where}, until ${untilText(invitation)}`;
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
