/**
 * What the page shows, as a pure fold over what happens: events of the member, lines that the person said, and answers
 * to commands.
 *
 * @module
 */

import type { OwnCredential } from "../lib/chat/identity/credential.ts";
import type { WaitingLine } from "../lib/chat/member/deliveries.ts";
import type { Missed } from "../lib/chat/member/lines.ts";
import type { MemberEvent } from "../lib/chat/member/options.ts";
import type { Peer } from "../lib/chat/member/roster.ts";
import type { WordsEvent } from "../lib/chat/trust/words.ts";
import { append, emptied, EMPTY_LOG, type Log, replace } from "./log.ts";

/** What became of a line of the person. */
export type Delivery =
  /** It waits for the relay. */
  | { readonly kind: "waiting" }
  /** The relay has accepted it. */
  | { readonly kind: "sent" }
  /** Everyone has taken it, or is gone; `missed` have not shown it. */
  | { readonly kind: "delivered"; readonly missed: readonly Missed[] }
  /** No one was there to receive it. */
  | { readonly kind: "unheard"; readonly missed: readonly Missed[] };

/** A line that someone else said. */
export interface Heard {
  readonly kind: "heard";
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly text: string;
  /** When it was entered, by its sender's clock, in milliseconds since 1970. */
  readonly time: number;
  /** When it came. */
  readonly at: number;
  readonly private: boolean;
  readonly late: boolean;
  /** Whether it names the person. */
  readonly mentions: boolean;
}

/** A line that the person said. */
export interface Said {
  readonly kind: "said";
  readonly id: string;
  readonly text: string;
  readonly at: number;
  /** The name of the recipient of a private line. */
  readonly to: string | undefined;
  /** Those in the room who do not receive it. */
  readonly leftOut: readonly string[];
  readonly delivery: Delivery;
}

/** Something that parley says. */
export interface Note {
  readonly kind: "note" | "alarm";
  /** Lines of one notice. */
  readonly lines: readonly string[];
  /** The link of an invitation that a browser opens, if the notice tells one. */
  readonly link?: string;
  /** The lines below the link. */
  readonly rest?: readonly string[];
  readonly at: number;
}

/** One entry of the conversation. */
export type Entry = Heard | Said | Note;

/** A member of the room, as the page shows it. */
export interface Person {
  readonly peer: Peer;
  readonly away: boolean;
  readonly confirmed: boolean;
}

/** How a member stands to its relay. */
export type Phase =
  | { readonly kind: "joining" }
  | { readonly kind: "in" }
  /** The connection is lost, since when in milliseconds since 1970, and another is tried. */
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "ended"; readonly why: string; readonly hint: string | undefined };

/** Everything that the page shows of one stay in a room. */
export interface ChatState {
  readonly self: OwnCredential | undefined;
  readonly phase: Phase;
  readonly log: Log<Entry>;
  /** The position up to which the person has cleared the conversation. */
  readonly cleared: number;
  /** The others in the room, by their keys. */
  readonly people: ReadonlyMap<string, Person>;
  /** The words that the person is to compare with members, by the keys of those. */
  readonly words: ReadonlyMap<string, WordsEvent>;
  /** The positions of the person's lines that are not delivered yet, by their ids. */
  readonly open: ReadonlyMap<string, number>;
  /** Who has still to show those lines, by their ids. */
  readonly waiting: ReadonlyMap<string, WaitingLine>;
  /** The number of the person's lines that are not delivered, and of those that the relay has not accepted. */
  readonly backlog: { readonly lines: number; readonly unsent: number };
  /** Whether the person looks at the page. */
  readonly watched: boolean;
  /** The number of messages that came while the person did not look. */
  readonly unread: number;
  /** Rises with each decision about who is trusted. */
  readonly decisions: number;
}

/** The state before anything has happened. */
export const BEGINNING: ChatState = {
  self: undefined,
  phase: { kind: "joining" },
  log: EMPTY_LOG,
  cleared: 0,
  people: new Map(),
  words: new Map(),
  open: new Map(),
  waiting: new Map(),
  backlog: { lines: 0, unsent: 0 },
  watched: true,
  unread: 0,
  decisions: 0,
};

/** Something that happens. `at` is the time in milliseconds since 1970. */
export type Happening =
  /** An event of the member, what parley says about it, and whether it is a message that names the person. */
  | {
    readonly kind: "event";
    readonly event: MemberEvent;
    readonly notes: readonly Note[];
    readonly mentions: boolean;
    readonly at: number;
  }
  /** The person said something. */
  | {
    readonly kind: "said";
    readonly id: string;
    readonly text: string;
    readonly to: string | undefined;
    readonly leftOut: readonly string[];
    readonly at: number;
  }
  /** Parley answers a command, or says something else. */
  | { readonly kind: "notes"; readonly notes: readonly Note[] }
  /** Something happened to words that the person compares with a member. */
  | { readonly kind: "words"; readonly event: WordsEvent }
  /** The person wants to see what is said from now on only. */
  | { readonly kind: "cleared" }
  /** The person decided about a member. */
  | { readonly kind: "decided" }
  /** What waits to be delivered. */
  | {
    readonly kind: "waits";
    readonly lines: readonly WaitingLine[];
    readonly backlog: ChatState["backlog"];
  }
  /** The person looks at the page, or looks away. */
  | { readonly kind: "watched"; readonly watched: boolean }
  /** The session is over. */
  | { readonly kind: "ended"; readonly why: string; readonly hint: string | undefined };

/** The maps of states that are made together: the first change copies a map, and the others change the copy. */
export class Draft {
  readonly #copies = new WeakSet<ReadonlyMap<string, unknown>>();
  /** The number of maps that were copied. */
  copied = 0;

  /** Returns a map that may be changed. */
  of<V>(map: ReadonlyMap<string, V>): Map<string, V> {
    if (this.#copies.has(map)) return map as Map<string, V>;
    const copy = new Map(map);
    this.#copies.add(copy);
    this.copied += 1;
    return copy;
  }
}

/** Returns the state after several things have happened. */
export function foldAll(state: ChatState, happenings: readonly Happening[]): ChatState {
  const draft = new Draft();
  return happenings.reduce((state, happening) => fold(state, happening, draft), state);
}

/**
 * Returns the state after something has happened.
 *
 * @param state The state before.
 * @param happening What happens.
 * @param draft That of the states that are made together, of which only the last one is used.
 */
export function fold(state: ChatState, happening: Happening, draft = new Draft()): ChatState {
  switch (happening.kind) {
    case "event":
      return withNotes(foldEvent(state, happening, draft), happening.notes);
    case "said":
      return said(state, happening, draft);
    case "notes":
      return withNotes(state, happening.notes);
    case "words":
      return withWords(state, happening.event, draft);
    case "cleared":
      return { ...state, log: emptied(state.log), cleared: state.log.end };
    case "decided":
      return { ...state, decisions: state.decisions + 1 };
    case "waits": {
      const waiting = new Map(happening.lines.map((one) => [one.line.id, one]));
      return { ...state, waiting, backlog: happening.backlog };
    }
    case "watched": {
      const { watched } = happening;
      return { ...state, watched, unread: watched ? 0 : state.unread };
    }
    case "ended": {
      const { why, hint } = happening;
      return { ...state, words: new Map(), phase: { kind: "ended", why, hint } };
    }
  }
}

function foldEvent(
  state: ChatState,
  { event, mentions, at }: Happening & { readonly kind: "event" },
  draft: Draft,
): ChatState {
  switch (event.kind) {
    case "admitted":
      // The relay may be a new one: everyone who is there is named anew.
      return { ...state, self: event.self, people: new Map(), words: new Map() };
    case "ready":
    case "reconnected":
      return { ...state, phase: { kind: "in" } };
    case "disconnected":
      return { ...state, phase: { kind: "lost", since: at } };
    case "joined":
    case "away":
    case "back":
    case "confirmed":
      return withPerson(state, event.peer, draft);
    case "left": {
      const people = draft.of(state.people);
      people.delete(event.peer.credential.key);
      return { ...state, people };
    }
    case "message":
      return heard(state, event, mentions, at);
    case "sent":
      return settle(state, event.line.id, { kind: "sent" }, draft);
    case "delivered":
    case "unheard":
      return settle(state, event.line.id, { kind: event.kind, missed: event.missed ?? [] }, draft);
    case "fault":
    case "notice":
    case "ended":
      return state;
  }
}

function withPerson(state: ChatState, peer: Peer, draft: Draft): ChatState {
  const { away, confirmed } = peer;
  const people = draft.of(state.people).set(peer.credential.key, { peer, away, confirmed });
  return { ...state, people };
}

/** The person is to compare words until it has answered, or they no longer count. */
function withWords(state: ChatState, event: WordsEvent, draft: Draft): ChatState {
  const words = draft.of(state.words);
  const { state: now, confirmed, peer: { credential: { key } } } = event;
  if (!confirmed && (now === "shown" || now === "confirmed")) words.set(key, event);
  else words.delete(key);
  return { ...state, words };
}

function heard(
  state: ChatState,
  event: MemberEvent & { readonly kind: "message" },
  mentions: boolean,
  at: number,
): ChatState {
  const { from: { credential: { name, fingerprint } }, id, text, time } = event;
  const { private: toOne, late = false } = event;
  const entry: Heard = {
    ...{ kind: "heard", id, name, fingerprint, text, time, at, private: toOne, late, mentions },
  };
  const unread = state.watched ? 0 : state.unread + 1;
  return { ...state, unread, log: append(state.log, entry, text.length) };
}

function said(
  state: ChatState,
  { id, text, to, leftOut, at }: Happening & { readonly kind: "said" },
  draft: Draft,
): ChatState {
  const delivery: Delivery = { kind: "waiting" };
  const entry: Said = { kind: "said", id, text, to, leftOut, at, delivery };
  const open = draft.of(state.open).set(id, state.log.end);
  return { ...state, open, log: append(state.log, entry, text.length) };
}

function settle(state: ChatState, id: string, delivery: Delivery, draft: Draft): ChatState {
  const position = state.open.get(id);
  if (position === undefined) return state;
  const log = replace(
    state.log,
    position,
    (entry) => entry.kind === "said" ? { ...entry, delivery } : entry,
  );
  if (delivery.kind === "sent") return { ...state, log };
  const open = draft.of(state.open);
  open.delete(id);
  return { ...state, log, open };
}

function withNotes(state: ChatState, notes: readonly Note[]): ChatState {
  const log = notes.reduce(
    (log, note) => append<Entry>(log, note, note.lines.reduce((sum, one) => sum + one.length, 0)),
    state.log,
  );
  return log === state.log ? state : { ...state, log };
}
