/**
 * What others must not make a member keep, and what its receipts must not say.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Ledger } from "../../../lib/chat/member/deliveries.ts";
import type { Policy } from "../../../lib/chat/member/roster.ts";
import { encodeTexts } from "../../../lib/chat/wire/content.ts";
import { RELAY_WINDOW } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { count, type Seat, shown, TestRoom } from "../room.ts";
import { endingOf } from "../tampering.ts";

function missedOf({ events }: Seat): (readonly string[])[] {
  return events.flatMap((event) =>
    event.kind === "delivered" ? [(event.missed ?? []).map(({ name }) => name)] : []
  );
}

Deno.test("members that come and go leave nothing behind in the ledger", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const peer = ada.member.roster.byName("bo")!;
  const none = () => {};
  const ledger = new Ledger(none);
  for (let i = 0; i < 1_000; i++) {
    const key = `${i}`;
    ledger.add({ ...peer, credential: { ...peer.credential, key } }, 0, 0);
    ledger.nextPrivate(key);
    ledger.part(key, false);
  }
  assertEquals([ledger.size, ledger.privateStreams], [0, 0]);
  bo.close();
});

Deno.test("a receipt for a later, shown text does not report an earlier hidden one as shown", async () => {
  const room = new TestRoom();
  let hidden = true;
  const policy: Policy = { obstacle: () => undefined, hides: () => hidden };
  room.policies.set("bo", policy);
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  // In a room of more than four, receipts wait for an interval.
  for (const name of ["cy", "dee", "fay"]) await room.join(name);
  await room.pass(1_000);
  for (const text of ["hidden", "shown"]) {
    ada.member.enter(text);
    await room.settle();
    hidden = false;
  }
  assertEquals(count(ada, "delivered"), 0);
  for (let i = 0; i < 5; i++) await room.pass(1_000);
  assertEquals(missedOf(ada)[0], ["bo"]);
  ada.member.enter("later");
  for (let i = 0; i < 5; i++) await room.pass(1_000);
  assertEquals(missedOf(ada).at(-1), []);
  bo.close();
});

Deno.test("a member that shows nothing ends its session with a relay that sends more than it may before an `ack`", async () => {
  const room = new TestRoom();
  const bo = await room.join("bo", ({ bytes }) => [bytes]);
  const eve = await Eve.join(room);
  const chain = await eve.chain(0);
  await eve.grant(bo, chain);
  await room.settle();
  bo.showing = false;
  const at = await eve.at();
  const plaintext = encodeTexts([{ time: 0, text: "x".repeat(60_000) }]);
  const { privateKey } = eve.self.keys.signing;
  for (let number = 1; number <= 200 && endingOf(bo) === undefined; number++) {
    const place = { sender: eve.raw.number, route: 0, number, ...at };
    bo.member.receive(await chain.seal(place, plaintext, privateKey));
    await bo.member.settled;
  }
  assertEquals(endingOf(bo), "BAD_RELAY");
  const bytes = shown(bo).length * 60_000;
  assertEquals([bytes > 4 << 20, bytes < (5 << 20) + RELAY_WINDOW.bytes], [true, true]);
});
