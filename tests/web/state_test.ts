// needs: nothing

/**
 * The state of the page: a pure fold over what happens.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { checkCredential } from "../../lib/chat/identity/credential.ts";
import type { Line } from "../../lib/chat/member/lines.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import type { Peer } from "../../lib/chat/member/roster.ts";
import type { WordsEvent } from "../../lib/chat/trust/words.ts";
import { slice } from "../../web/log.ts";
import { notesOf } from "../../web/notes.ts";
import {
  BEGINNING,
  type ChatState,
  Draft,
  type Entry,
  fold,
  foldAll,
  type Happening,
} from "../../web/state.ts";
import { credentialOf } from "../chat/keys.ts";

const now = () => Date.now();

async function peerOf(name: string, number: number): Promise<Peer> {
  const { bytes } = await credentialOf(name, number, now);
  const credential = await checkCredential(bytes, now());
  return { number, credential, confirmed: true, away: false };
}

function happens(event: MemberEvent, mentions = false): Happening {
  return { kind: "event", event, notes: [], mentions, at: 1_000 };
}

function entriesOf({ log }: ChatState): Entry[] {
  return slice(log, log.start, log.end);
}

function message(from: Peer, text: string): MemberEvent {
  return { kind: "message", from, id: text, text, time: 900, private: false };
}

Deno.test("fold() tracks members that join, are away, come back and leave", async () => {
  const bo = await peerOf("bo", 2);
  const joined = fold(BEGINNING, happens({ kind: "joined", peer: bo, present: false }));
  assertEquals([...joined.people.values()].map(({ away }) => away), [false]);
  const away = fold(joined, happens({ kind: "away", peer: { ...bo, away: true } }));
  assertEquals([...away.people.values()].map(({ away }) => away), [true]);
  const left = happens({ kind: "left", peer: bo, reason: "LEFT", signed: true });
  assertEquals(fold(away, left).people.size, 0);
  assertEquals(joined.people.size, 1, "the state before is as it was");
});

Deno.test("what happens together copies the people, and the open lines, once", async () => {
  const bo = await peerOf("bo", 2);
  const happenings = Array.from({ length: 1_000 }, (_, i) => {
    const peer = { ...bo, credential: { ...bo.credential, key: `key ${i}` } };
    return happens({ kind: "joined", peer, present: false });
  });
  const lines = happenings.map((_, i): Happening => ({
    ...{ kind: "said", id: `${i}`, text: "hello", to: undefined, leftOut: [], at: 1_000 },
  }));
  const draft = new Draft();
  const crowd = [...happenings, ...lines].reduce(
    (state, one) => fold(state, one, draft),
    BEGINNING,
  );
  assertEquals([crowd.people.size, crowd.open.size, draft.copied], [1_000, 1_000, 2]);
  assertEquals([BEGINNING.people.size, BEGINNING.open.size], [0, 0]);
  const after = foldAll(crowd, [happens({ kind: "left", peer: bo, reason: "LEFT", signed: true })]);
  assertEquals([after.people === crowd.people, after.people.size], [false, 1_000]);
});

Deno.test("fold() tracks an own message: waiting, sent, delivered or missed", () => {
  const line = { id: "1" } as Line;
  const missed = [{ name: "bo", signed: false }];
  const said = fold(BEGINNING, {
    ...{ kind: "said", id: "1", text: "hello", to: undefined, leftOut: [], at: 1_000 },
  });
  const kinds = (state: ChatState) =>
    entriesOf(state).map((entry) => entry.kind === "said" ? entry.delivery.kind : entry.kind);
  assertEquals(kinds(said), ["waiting"]);
  const sent = fold(said, happens({ kind: "sent", line }));
  assertEquals(kinds(sent), ["sent"]);
  const delivered = fold(sent, happens({ kind: "delivered", line, missed }));
  assertEquals(entriesOf(delivered).map((entry) => entry.kind === "said" && entry.delivery), [
    { kind: "delivered", missed },
  ]);
  assertEquals([said.open.size, sent.open.size, delivered.open.size], [1, 1, 0]);
  assertEquals(kinds(fold(said, happens({ kind: "unheard", line }))), ["unheard"]);
});

Deno.test("fold() counts unseen messages until the person looks", async () => {
  const bo = await peerOf("bo", 2);
  const seen = fold(BEGINNING, happens(message(bo, "seen")));
  const elsewhere = fold(seen, { kind: "watched", watched: false });
  const unread = ["one", "two"].reduce(
    (state, text) => fold(state, happens(message(bo, text), true)),
    elsewhere,
  );
  assertEquals([seen.unread, unread.unread], [0, 2]);
  assertEquals(fold(unread, { kind: "watched", watched: true }).unread, 0);
  assertEquals(entriesOf(unread).map((entry) => entry.kind === "heard" && entry.mentions), [
    ...[false, true, true],
  ]);
});

Deno.test("fold() keeps the words to compare until the person answers, or they no longer count", async () => {
  const peer = await peerOf("bo", 2);
  const words = ["tide", "jealous", "reward", "size"];
  const happen = (state: WordsEvent["state"], more: Partial<WordsEvent> = {}): Happening => {
    const none = { confirmed: false, both: false, why: undefined };
    return { kind: "words", event: { peer, state, by: "peer", words, ...none, ...more } };
  };
  const wordsAfter = (...happenings: readonly Happening[]) =>
    [...foldAll(BEGINNING, happenings).words.values()].map((one) => one.words);
  const shown = happen("shown");
  assertEquals(wordsAfter(happen("asked", { words: undefined })), []);
  assertEquals(wordsAfter(shown), [words]);
  assertEquals(wordsAfter(shown, happen("confirmed")), [words], "the peer has confirmed them");
  assertEquals(wordsAfter(shown, happen("confirmed", { by: "self", confirmed: true })), []);
  assertEquals(wordsAfter(shown, happen("shown", { confirmed: true })), []);
  assertEquals(wordsAfter(shown, happen("differ")), []);
  assertEquals(wordsAfter(shown, happen("ended", { why: "expired" })), []);
  assertEquals(wordsAfter(shown, { kind: "ended", why: "x", hint: undefined }), []);
  const self = await credentialOf("ada", 1, now);
  const room = new Uint8Array(32);
  assertEquals(wordsAfter(shown, happens({ kind: "admitted", self, room })), []);
});

Deno.test("fold() shows a lost connection until it is back, and the reason of the end", () => {
  const lost = happens({ kind: "disconnected", reason: "RELAY_GONE", detail: "" });
  const away = fold(BEGINNING, lost);
  assertEquals(away.phase, { kind: "lost", since: 1_000 });
  const back = fold(away, happens({ kind: "reconnected", room: new Uint8Array(32) }));
  assertEquals(back.phase, { kind: "in" });
  const ended = fold(back, { kind: "ended", why: "the room is full", hint: undefined });
  assertEquals(ended.phase, { kind: "ended", why: "the room is full", hint: undefined });
});

Deno.test("cleared entries are not shown, and later ones keep their positions", () => {
  const note = (text: string): Happening => ({ kind: "notes", notes: notesOf([text], 1_000) });
  const before = fold(fold(BEGINNING, note("* one")), note("! two"));
  assertEquals(entriesOf(before).map(({ kind }) => kind), ["note", "alarm"]);
  const after = fold(fold(before, { kind: "cleared" }), note("* three"));
  assertEquals(entriesOf(after), notesOf(["* three"], 1_000));
  assertEquals([after.log.start, after.cleared], [2, 2]);
});

Deno.test("notesOf() joins lines of one kind and removes their marks", () => {
  assertEquals(notesOf(["* a", "* b", "! c", "    d", "* e"], 5), [
    { kind: "note", lines: ["a", "b"], at: 5 },
    { kind: "alarm", lines: ["c"], at: 5 },
    { kind: "note", lines: ["    d", "e"], at: 5 },
  ]);
});
