/// <reference lib="dom" />
/**
 * One stay in a room: a session of the shared core, its trust decisions, and the state that the page shows.
 *
 * @module
 */

import { MalformedError } from "../lib/base/bytes.ts";
import { steadyNow } from "../lib/base/clock.ts";
import { Failure } from "../lib/base/failure.ts";
import { CommandRunner, Verification } from "../lib/chat/app/command_runner.ts";
import { keptText, Signal, untilAccepted } from "../lib/chat/app/delivery.ts";
import { Departure, endedFailure } from "../lib/chat/app/departure.ts";
import { ChatInvitations, type OwnInvitation, refusalOf } from "../lib/chat/app/invite.ts";
import { CROWDED_TEXT } from "../lib/chat/app/peer_texts.ts";
import type { Display, InvitationNews } from "../lib/chat/app/presenter.ts";
import {
  type Answer,
  completeLine,
  parseLine,
  type SlashCommand,
} from "../lib/chat/app/slash_commands.ts";
import { Attention, mentionOf } from "../lib/chat/app/speech.ts";
import { RoomTranscript, type TranscriptOptions } from "../lib/chat/app/transcript.ts";
import { generateMemberKeys, makeCredential } from "../lib/chat/identity/credential.ts";
import { RENEWAL_LIFE_MS } from "../lib/chat/identity/signing.ts";
import type { MemberEvent } from "../lib/chat/member/options.ts";
import type { Peer } from "../lib/chat/member/roster.ts";
import { type Session, startSession } from "../lib/chat/runtime/session.ts";
import { Invitations, type MadeInvitation } from "../lib/chat/trust/invitations.ts";
import { KnownPeers, type KnownPeersChange, safetyNumber } from "../lib/chat/trust/known_peers.ts";
import { type Crowding, type Standing, Trust } from "../lib/chat/trust/trust.ts";
import type { WordsEvent } from "../lib/chat/trust/words.ts";
import type { Ending } from "../lib/chat/wire/kinds.ts";
import { Absences } from "./absences.ts";
import { dialWebSocket } from "./browser_link.ts";
import { invitationNote, notesOf, PLAIN } from "./notes.ts";
import { BEGINNING, type ChatState, foldAll, type Happening } from "./state.ts";
import type { Store } from "./store.ts";

/** The most lines of the person whose recipients are shown one by one. */
const MAX_WAITING = 50;
/** How often is looked who has shown the person's lines, while some have not, in milliseconds. */
const WAITING_POLL_MS = 500;
/** If the page was drawn a shorter time ago, messages are drawn together, in milliseconds. */
const CALM_MS = 16;

/** Where and as whom to join. */
export interface ChatOptions {
  readonly name: string;
  readonly roomName: string;
  /** The WebSocket of the relay. */
  readonly url: URL;
  /** The host and port that the person sees in the address bar. The member signs them. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The identity that this browser keeps; a new one for this stay if there is none. */
  readonly identity: CryptoKeyPair | undefined;
  /** The invitation by which the person comes, if there is one. */
  readonly own: OwnInvitation | undefined;
  readonly store: Store | undefined;
  /** Shows a state. When it returns, the state is in the document. */
  readonly show: (state: ChatState) => void;
  /**
   * Draws attention to a message of a member, which is private or names the person. Without a name it is something
   * else that parley asks or tells.
   */
  readonly notify: (name: string | undefined) => void;
}

/** What the page shows about who somebody is. */
export interface Identity {
  readonly standing: Standing;
  /** 12 groups of 5 digits. */
  readonly safetyNumber: readonly string[];
}

/** One stay in a room. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #trust: Trust;
  readonly #transcript: RoomTranscript;
  readonly #commands: CommandRunner;
  readonly #verification: Verification;
  readonly #invitations: ChatInvitations;
  /** What the person said before the inviter has let it in. */
  #gated: (SlashCommand & { readonly kind: "send" })[] = [];
  readonly #attention: Attention;
  readonly #departure: Departure;
  readonly #progress = new Signal();
  readonly #hurry = Promise.withResolvers<void>();
  readonly #happened: Happening[] = [];
  readonly #flushing = new MessageChannel();
  #state = BEGINNING;
  #session: Session | undefined;
  /** The number of events that the state contains. */
  #told = 0;
  /** Events that occur while a line is being sent: they follow the line. */
  #held: MemberEvent[] | undefined;
  #isFlushing = false;
  #flushedAt = -Infinity;
  #mention: RegExp | undefined;
  /** The number of changes to the known peers that this tab has made. */
  #changes = 0;
  /** The sender of the message that may need attention. */
  #speaker: string | undefined;
  #polling: ReturnType<typeof setTimeout> | undefined;
  readonly #absences = new Absences();
  #absenceTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the person leaves. */
  #departing = false;
  /** Why the person who invited this one has not let it in. */
  #refusal: Failure | undefined;
  /** Whether the session is over. */
  #isEnding = false;
  /** Resolved when everything that has happened is shown; undefined if nobody waits. */
  #shown: PromiseWithResolvers<void> | undefined;

  private constructor(options: ChatOptions, known: KnownPeers) {
    this.#options = options;
    const { store, identity, roomName, own, url, dialled } = options;
    const remember = store && ((change: KnownPeersChange) => {
      this.#changes += 1;
      store.remember(change);
    });
    const crowded = (why: Crowding) => this.#say(this.#transcript.notice(CROWDED_TEXT[why]));
    this.#trust = new Trust({ known, remember, crowded });
    this.#transcript = new PageTranscript({
      style: PLAIN,
      echo: false,
      who: this.#trust,
      lasting: identity !== undefined,
      roomName,
      inBrowser: true,
      hints: HINTS,
      waitsFor: () => this.#invitations.gate?.absent,
    }, (event) => this.#happen({ kind: "words", event }));
    this.#invitations = new ChatInvitations({
      trust: this.#trust,
      book: new Invitations(),
      own,
      place: () => ({
        ...{ hostname: dialled.host, port: dialled.port, roomName, tls: false },
        scheme: url.protocol === "wss:" ? "https" : "http",
        path: url.pathname,
      }),
    });
    this.#invitations.showIn({ presenter: this.#transcript, display: this.#display });
    const surroundings = {
      presenter: this.#transcript,
      display: this.#display,
      trust: this.#trust,
      interactive: true,
    };
    this.#verification = new Verification(surroundings, {
      refuse: (code, message) => this.#refuse(code, message),
      fail: (error) => this.#end("FAILED", String(error)),
    });
    const parts = { verification: this.#verification, invitations: this.#invitations };
    this.#commands = new CommandRunner({ ...surroundings, ...parts }, {
      refuse: (code, message) => this.#refuse(code, message),
      gated: () => this.#gated.length,
    });
    this.#attention = new Attention(surroundings);
    const hurry = this.#hurry.promise;
    this.#departure = new Departure({ ...surroundings, progress: this.#progress, hurry });
    // A message channel, unlike a timer, is not slowed down while the page is in the background.
    this.#flushing.port1.onmessage = () => this.#flush();
  }

  /**
   * Joins a room. The state `in` says that the member is in.
   *
   * @param options Where, and as whom.
   * @param signal Ends the attempt.
   * @throws {Failure} If the relay cannot be reached, or the name is not valid.
   */
  static async join(options: ChatOptions, signal: AbortSignal): Promise<Chat> {
    const { name, roomName, identity, url, dialled, store, own } = options;
    const chat = new Chat(options, await store?.known() ?? KnownPeers.parse(""));
    const keys = await generateMemberKeys(identity === undefined ? {} : { identity });
    const self = await makeCredential(name, keys, Date.now() + RENEWAL_LIFE_MS).catch(
      (error: unknown) => {
        if (!(error instanceof MalformedError)) throw error;
        throw new Failure({ what: "this name cannot be used", why: error.message, code: "NAME" });
      },
    );
    const dial = (wanted: AbortSignal) => dialWebSocket(url, wanted);
    const first = await dial(signal);
    const event = (one: MemberEvent) => chat.#tell(one);
    const session = startSession(
      {
        ...{ self, roomName, policy: chat.#invitations.policy, event, shows: "later" },
        ...own && { invitation: own.invitation },
      },
      { dialled, first, dial },
    );
    chat.#begin(session);
    session.ended.catch((error) => chat.#end("FAILED", String(error)));
    return chat;
  }

  #begin(session: Session): void {
    this.#session = session;
    this.#verification.begin(session);
    this.#invitations.begin(session, (error) => this.#end("FAILED", String(error)));
    const { store } = this.#options;
    if (store !== undefined) {
      store.changed = () => this.#readAgain(store);
      // Another tab may have met somebody else by that name a moment before: then its key counts.
      store.kept = (known) => this.#takeOver(known);
      store.failed = (error) =>
        this.#refuse(
          "NOT_KEPT",
          `this browser could not keep what you know of others: ${error}`,
        );
      // Another tab may have met somebody while this one made its keys and dialled.
      this.#readAgain(store);
    }
    this.#invitations.gate?.opened.then(
      () => this.#gated.splice(0).forEach(({ text, to }) => this.#send(session, text, to)),
      async (failure: Failure) => {
        this.#refusal = failure;
        await this.#departure.leaveNow(session);
        this.#end("LEFT", "");
      },
    );
  }

  /** The trust decisions. The view asks them; commands make them. */
  get trust(): Trust {
    return this.#trust;
  }

  /** Takes a line that the person entered: a message, to everyone or to one member, or a command. */
  async enter(line: string, to?: string): Promise<void> {
    const command = parseLine(line, true);
    if (command.kind === "send" && command.to === undefined && to !== undefined) {
      return await this.#run({ ...command, to });
    }
    await this.#run(command);
  }

  /** Takes the answer to what the page shows of a member: of this one, and of no other by its name. */
  async answer(peer: Peer, answer: Answer): Promise<void> {
    // As in #run(): a line that was entered before goes to those that it was for.
    await untilAccepted(this.#session!, this.#progress);
    this.#verification.run(peer, answer);
    this.#happen({ kind: "decided" });
  }

  /** Completes the word before the cursor. */
  complete(before: string): ReturnType<typeof completeLine> {
    const names = [...this.#state.people.values()].map(({ peer }) => peer.credential.name);
    return completeLine(before, names, "browser");
  }

  /** Returns who a member is, and notes that its fingerprint was shown: a decision is about that one. */
  async identify(peer: Peer): Promise<Identity> {
    const { credential } = peer;
    const own = this.#session!.self.fingerprint;
    const number = await safetyNumber(own, credential.fingerprint);
    this.#trust.show(credential);
    this.#verification.showedNumber(peer);
    return { standing: this.#trust.standing(credential), safetyNumber: number };
  }

  /** Says whether the person looks at the page. */
  watch(watched: boolean): void {
    if (watched !== this.#state.watched) this.#happen({ kind: "watched", watched });
  }

  /** Leaves the room once the relay has accepted the person's lines. A second call leaves at once. */
  async leave(): Promise<void> {
    if (this.#session === undefined || this.#state.phase.kind === "ended") return;
    if (this.#departing) return this.#hurry.resolve();
    this.#departing = true;
    await this.#departure.leave(this.#session, () => 0);
    this.#end("LEFT", "");
  }

  async #run(command: SlashCommand): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#state.phase.kind === "ended") return;
    if (command.kind === "send") return this.#enterMessage(session, command);
    // An earlier line goes to the members that its sender meant then: /exclude does not take it back.
    await untilAccepted(session, this.#progress);
    const before = this.#newestInvitation();
    const end = await this.#commands.run(session, command);
    const newest = this.#newestInvitation();
    if (newest !== undefined && newest.number !== before?.number) this.#showInvitation(newest);
    this.#happen({ kind: "decided" });
    if (end !== undefined) await this.leave();
  }

  /** Sends a message, or keeps it until the person who invited this one lets it in. */
  #enterMessage(session: Session, message: SlashCommand & { readonly kind: "send" }): void {
    const closed = this.#invitations.gate?.closed;
    if (closed === undefined) return this.#send(session, message.text, message.to);
    this.#gated.push(message);
    this.#say(this.#transcript.notice(keptText(message.text, closed)));
  }

  #newestInvitation(): MadeInvitation | undefined {
    return this.#invitations.list().at(-1);
  }

  /** Shows how a guest comes by an invitation. */
  #showInvitation(invitation: MadeInvitation): void {
    const { own, identity } = this.#options;
    const ways = this.#invitations.waysOf(invitation);
    if (ways === undefined) return;
    const note = invitationNote(invitation, ways, refusalOf(own, identity), Date.now());
    this.#happen({ kind: "notes", notes: [note] });
  }

  #send(session: Session, text: string, to: string | undefined): void {
    const held: MemberEvent[] = [];
    const leftOut = to === undefined ? this.#leftOut() : [];
    this.#held = held;
    const entered = session.send(text, to);
    this.#held = undefined;
    if (entered.ok) {
      this.#happen({ kind: "said", id: entered.id, text, to, leftOut, at: Date.now() });
      this.#look();
    } else this.#refuse(entered.code, entered.message);
    for (const event of held) this.#tell(event);
  }

  /** The names of those in the room who do not receive what is said. */
  #leftOut(): string[] {
    return [...this.#state.people.values()].map(({ peer }) => peer)
      .filter((peer) => this.#trust.obstacle(peer) !== undefined)
      .map(({ credential }) => credential.name);
  }

  #refuse(code: string, message: string): void {
    this.#say(this.#transcript.error(code, message));
  }

  #say(lines: readonly string[]): void {
    const notes = notesOf(lines, Date.now());
    if (notes.length > 0) this.#happen({ kind: "notes", notes });
  }

  /** Takes an event of the session. */
  #tell(event: MemberEvent): void {
    if (this.#held !== undefined) return void this.#held.push(event);
    this.#told += 1;
    if (event.kind === "admitted") this.#mention = mentionOf(event.self.name);
    // Showing a peer counts as meeting it.
    if (event.kind === "joined" || event.kind === "confirmed") {
      const identified = event.kind === "joined" && this.#transcript.identifies(event.peer);
      this.#trust.meet(event.peer, identified);
    }
    if (event.kind === "message") this.#trust.hear(event.from);
    const at = Date.now();
    const mentions = event.kind === "message" && this.#mention?.test(event.text) === true;
    // The page shows messages by itself.
    const lines = event.kind === "message" ? [] : this.#transcript.event(event);
    const notes = this.#absences.take(event, notesOf(lines, at), steadyNow());
    this.#tellAbsent();
    this.#happen({ kind: "event", event, notes, mentions, at }, event.kind === "message");
    if (event.kind === "message") this.#speaker = event.from.credential.name;
    this.#attention.tell(event);
    this.#speaker = undefined;
    this.#verification.tell(event);
    this.#invitations.tell(event);
    this.#progress.notify();
    if (LOOKS.has(event.kind)) this.#look();
    if (event.kind === "ended") this.#end(event.reason, event.detail);
  }

  /** Tells who has been away for some time, and sets the timer to the time at which the next one is to be told. */
  #tellAbsent(): void {
    clearTimeout(this.#absenceTimer);
    const notes = this.#absences.due(steadyNow());
    if (notes.length > 0) this.#happen({ kind: "notes", notes });
    const { dueAt } = this.#absences;
    if (dueAt === undefined || this.#isEnding) return;
    this.#absenceTimer = setTimeout(() => this.#tellAbsent(), Math.max(0, dueAt - steadyNow()));
  }

  /** Looks at once, and again while lines wait, who has shown the person's lines. */
  #look(): void {
    const session = this.#session;
    if (session === undefined) return;
    clearTimeout(this.#polling);
    const { lines, unsent } = session.backlog();
    const backlog = { lines, unsent };
    this.#happen({ kind: "waits", lines: session.waiting(MAX_WAITING), backlog });
    if (lines > 0) this.#polling = setTimeout(() => this.#look(), WAITING_POLL_MS);
  }

  #end(ending: Ending, detail: string): void {
    if (this.#refusal !== undefined) return this.#over(this.#refusal.why, this.#refusal.hint);
    const session = this.#session;
    const failure = session && endedFailure(session, { ending, detail }, {
      wasIn: this.#state.phase.kind !== "joining",
      obstacle: undefined,
      unsaid: this.#gated.length,
      byInvitation: this.#options.own !== undefined,
    });
    const why = failure?.why ?? detail;
    const hint = ENDING_HINTS[ending] ?? failure?.hint;
    this.#over(ending === "LEFT" ? "you left the room" : why, hint);
  }

  #over(why: string, hint: string | undefined): void {
    if (this.#state.phase.kind === "ended" || this.#isEnding) return;
    this.#isEnding = true;
    this.#attention.stop();
    this.#verification.stop();
    this.#invitations.stop();
    clearTimeout(this.#polling);
    clearTimeout(this.#absenceTimer);
    this.#session?.close();
    this.#happen({ kind: "ended", why, hint });
    this.#hurry.resolve();
  }

  /** Takes over what all tabs have changed. */
  #takeOver(known: KnownPeers): void {
    this.#trust.replaceKnown(known);
    this.#happen({ kind: "decided" });
  }

  /** Reads what other tabs have changed. */
  async #readAgain(store: Store): Promise<void> {
    const changes = this.#changes;
    try {
      const known = await store.known();
      // What this tab has changed meanwhile is not in it.
      if (changes !== this.#changes) return await this.#readAgain(store);
      this.#takeOver(known);
    } catch (error) {
      const why = `this browser could not read what another tab knows of others: ${error}`;
      this.#refuse("NOT_READ", why);
    }
  }

  /**
   * Shows something soon, together with what happens meanwhile.
   *
   * @param happening What happens.
   * @param atOnce Whether it is shown before other work of the page, unless much happens.
   */
  #happen(happening: Happening, atOnce = false): void {
    this.#happened.push(happening);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const isCalm = performance.now() - this.#flushedAt > CALM_MS;
    if (atOnce && isCalm) queueMicrotask(() => this.#flush());
    else this.#flushing.port2.postMessage(undefined);
  }

  /** Shows everything that has happened, and says so to the session. */
  #flush(): void {
    this.#isFlushing = false;
    this.#flushedAt = performance.now();
    const told = this.#told;
    this.#state = foldAll(this.#state, this.#happened.splice(0));
    this.#options.show(this.#state);
    this.#session?.displayed(told);
    this.#shown?.resolve();
    this.#shown = undefined;
    if (this.#state.phase.kind === "ended") this.#flushing.port1.close();
  }

  /** What commands print to: the conversation. */
  readonly #display: Display = {
    print: (lines) => this.#say(lines),
    clear: () => this.#happen({ kind: "cleared" }),
    notify: () => this.#options.notify(this.#speaker),
    caughtUp: () => {
      if (!this.#isFlushing) return undefined;
      this.#shown ??= Promise.withResolvers();
      return this.#shown.promise;
    },
    failed: new Promise<never>(() => {}),
    failure: undefined,
  };
}

/**
 * Says what a terminal says. The page itself shows an invitation that was made, with its link first, and asks for the
 * answer to words.
 */
class PageTranscript extends RoomTranscript {
  readonly #told: (event: WordsEvent) => void;

  constructor(options: TranscriptOptions, told: (event: WordsEvent) => void) {
    super(options);
    this.#told = told;
  }

  override words(event: WordsEvent): string[] {
    this.#told(event);
    const lines = super.words(event);
    return event.state === "shown" ? lines.slice(0, 2) : lines;
  }

  override invitation(news: InvitationNews): string[] {
    return news.kind === "made" ? [] : super.invitation(news);
  }
}

/** The events after which others may have shown more of the person's lines. */
const LOOKS: ReadonlySet<MemberEvent["kind"]> = new Set<MemberEvent["kind"]>(
  ["sent", "delivered", "unheard", "left", "reconnected"],
);

const HINTS = {
  unverified: "no one is verified yet: choose somebody in the list and compare words by phone",
  invited:
    "invited: sure unless somebody else had the link; if in doubt, choose somebody and compare words",
  unremembered: "later key changes go unnoticed: this browser keeps nothing for this page",
  ephemeral: "your key lasts until you leave: tick “Keep my key” when you join to keep it",
};

/** What the person can do after an ending, where it differs from what helps at a terminal. */
const ENDING_HINTS: { readonly [E in Ending]?: string } = {
  NAME_TAKEN: "choose another name",
  NAME_AWAY:
    "it is probably your own from before: wait, or choose another; with “Keep my key” you " +
    "get it back at once",
  REPLACED: "another tab or window of this browser has joined under the same name",
  NOT_A_RELAY: "check the address",
  TLS_SPOKEN: "open the page with https",
};
