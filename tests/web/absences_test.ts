// needs: nothing

/**
 * What a conversation tells of members that lose their connections.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { checkCredential } from "../../lib/chat/identity/credential.ts";
import type { Peer } from "../../lib/chat/member/roster.ts";
import { Absences, HOLD_AWAY_MS } from "../../web/absences.ts";
import { notesOf } from "../../web/notes.ts";
import { credentialOf } from "../chat/keys.ts";

const note = (text: string) => notesOf([text], 0);

async function peerOf(name: string, number: number): Promise<Peer> {
  const { bytes } = await credentialOf(name, number, Date.now);
  const credential = await checkCredential(bytes, Date.now());
  return { number, credential, confirmed: true, away: false };
}

Deno.test("a member that is away is told of after ten seconds, and its coming back then", async () => {
  const absences = new Absences();
  const peer = await peerOf("bo", 1);
  assertEquals(absences.take({ kind: "away", peer }, note("* away"), 5), []);
  assertEquals(absences.dueAt, 5 + HOLD_AWAY_MS);
  assertEquals(absences.due(4 + HOLD_AWAY_MS), []);
  assertEquals(absences.due(5 + HOLD_AWAY_MS), note("* away"));
  assertEquals(absences.dueAt, undefined);
  assertEquals(absences.take({ kind: "back", peer }, note("* back"), 20_000), note("* back"));
});

Deno.test("nothing is told of a member that is back soon, by its connection or as another run", async () => {
  const absences = new Absences();
  const peer = await peerOf("bo", 1);
  absences.take({ kind: "away", peer }, note("* away"), 0);
  assertEquals(absences.take({ kind: "back", peer }, note("* back"), 1), []);
  absences.take({ kind: "away", peer }, note("* away"), 2);
  absences.take({ kind: "left", peer, reason: "REPLACED", signed: false }, [], 3);
  const again = { kind: "joined", peer: { ...peer, number: 2 }, present: false } as const;
  assertEquals(absences.take(again, note("* bo is back"), 3), []);
  assertEquals(absences.due(HOLD_AWAY_MS + 3), []);
});

Deno.test("a member that comes under a name with another key is told of, and so is every alarm", async () => {
  const absences = new Absences();
  const [peer, other] = [await peerOf("bo", 1), await peerOf("bo", 2)];
  const joins = (one: Peer) => ({ kind: "joined", peer: one, present: false }) as const;
  absences.take({ kind: "away", peer }, note("* away"), 0);
  assertEquals(absences.take(joins(other), note("* bo joined"), 1), note("* bo joined"));
  assertEquals(absences.due(HOLD_AWAY_MS), [], "it is gone");
  absences.take({ kind: "away", peer }, note("* away"), 0);
  const told = notesOf(["* bo joined", "! THE KEY OF bo HAS CHANGED"], 0);
  assertEquals(absences.take(joins(peer), told, 1), told.slice(1));
});

Deno.test("a member that leaves while it is away is told of as gone alone", async () => {
  const absences = new Absences();
  const peer = await peerOf("bo", 1);
  absences.take({ kind: "away", peer }, note("* away"), 0);
  const left = { kind: "left", peer, reason: "LOST", signed: false } as const;
  assertEquals(absences.take(left, note("* gone"), 1), note("* gone"));
  assertEquals(absences.due(HOLD_AWAY_MS), []);
});
