/**
 * What a member makes of frames of a sender that keeps to their form and to nothing else.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { secureRandom } from "../../../lib/base/bytes.ts";
import { encodeMessages } from "../../../lib/chat/wire/content.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { count, faults, type Seat, shown, TestRoom } from "../room.ts";

/** A room with ada, bo and eve, whose chain both hold. */
async function meet() {
  const room = new TestRoom();
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const eve = await Eve.join(room);
  const chain = await eve.chain(1);
  for (const seat of [ada, bo]) await eve.grant(seat, chain);
  await room.settle();
  return { room, ada, bo, eve, chain };
}

/** The faults that a member was told of with eve, and what eve said to it. */
function told(seat: Seat): [string[], string[]] {
  return [faults(seat), shown(seat).map((line) => line.replace("eve: ", ""))];
}

Deno.test("a valid message of a hostile member is shown and confirms its sender", async () => {
  const { ada, bo, eve, chain } = await meet();
  await eve.say(chain, "hello");
  assertEquals([told(ada), told(bo)], [[[], ["hello"]], [[], ["hello"]]]);
  assert(ada.member.roster.byName("eve")!.confirmed);
});

Deno.test("a here frame confirms its sender", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  assertEquals(ada.member.roster.byName("eve")!.confirmed, false);
  await eve.here();
  await room.settle();
  assertEquals(ada.member.roster.byName("eve")!.confirmed, true);
});

Deno.test("a chain that was never granted opens nothing", async () => {
  const { ada, eve } = await meet();
  await eve.say(await eve.chain(2), "psst");
  assertEquals(told(ada), [["NO_KEY"], []]);
});

Deno.test("a step that no message explains is not followed", async () => {
  const { ada, eve, chain } = await meet();
  await eve.say(chain, "one");
  for (let i = 0; i < 3; i++) await chain.advance();
  await eve.say(chain, "two", { number: 2 });
  assertEquals(told(ada), [["BAD_STEP"], ["one"]]);
});

Deno.test("a version that the receiver does not know is not opened", async () => {
  const { ada, bo, eve, chain } = await meet();
  const { version, context } = await eve.at();
  await eve.say(chain, "from the future", { version: version + 1, context });
  assertEquals([told(ada), told(bo)], [[["CONTEXT"], []], [["CONTEXT"], []]]);
});

Deno.test("a context of another history is reported once, until a frame agrees again", async () => {
  const { ada, eve, chain } = await meet();
  const other = { version: (await eve.at()).version, context: secureRandom(32) };
  for (const number of [1, 2]) await eve.say(chain, "elsewhere", { ...other, number });
  assertEquals(told(ada), [["ROSTER_DIFFERS"], []]);
  await eve.say(chain, "here", { number: 3 });
  await eve.say(chain, "elsewhere", { ...other, number: 4 });
  assertEquals(told(ada), [["ROSTER_DIFFERS", "GAP", "ROSTER_DIFFERS"], ["here"]]);
});

Deno.test("a check that agrees over a context that does not is a bad signature", async () => {
  const { ada, eve, chain } = await meet();
  const { version, context } = await eve.at();
  const near = context.slice();
  near[31] = near[31]! ^ 1;
  await eve.say(chain, "almost", { version, context: near });
  assertEquals(told(ada), [["BAD_SIGNATURE"], []]);
});

Deno.test("one frame that opens to two texts under two keys is a bad signature to one of them", async () => {
  const { room, ada, bo, eve } = await meet();
  const [one, other] = [await eve.chain(2), await eve.chain(2)];
  await eve.grant(ada, one);
  await eve.grant(bo, other);
  await room.settle();
  await eve.say(one, "for ada alone");
  assertEquals(told(ada), [[], ["for ada alone"]]);
  assertEquals(told(bo), [["BAD_SIGNATURE"], []]);
});

Deno.test("content that is malformed, or that belongs into a pair frame, is refused whole", async () => {
  const { ada, eve, chain } = await meet();
  await eve.seal(chain, new Uint8Array(32));
  await eve.seal(chain, encodeMessages([{ kind: "gone", stream: 0, number: 9 }]), { number: 2 });
  assertEquals(told(ada), [["BAD_CONTENT", "BAD_CONTENT"], []]);
  await eve.tell(ada, new Uint8Array([9]));
  await eve.room.settle();
  assertEquals(told(ada), [["BAD_CONTENT", "BAD_CONTENT", "BAD_CONTENT"], []]);
  await eve.say(chain, "and then", { number: 3 });
  assertEquals(told(ada), [["BAD_CONTENT", "BAD_CONTENT", "BAD_CONTENT", "GAP"], ["and then"]]);
});

Deno.test("nothing that eve says of numbers shows a line twice", async () => {
  const { room, ada, eve, chain } = await meet();
  await eve.say(chain, "one");
  await eve.say(chain, "one again");
  const line = { kind: "line", stream: 0, last: 0, time: 0, text: "one by line" } as const;
  await eve.tell(ada, [{ ...line, number: 1 }]);
  await room.settle();
  assertEquals(told(ada), [[], ["one"]]);
});

Deno.test("a receipt above the sent numbers delivers neither later messages nor those that others have not shown", async () => {
  const { room, ada, bo, eve } = await meet();
  bo.showing = false;
  assert(ada.member.enter("for both").ok);
  await room.settle();
  const receiver = await eve.receiver(ada);
  await eve.take(ada, receiver, 1_000);
  assertEquals([count(ada, "delivered"), faults(ada)], [0, []], "bo has not shown it");
  bo.showing = true;
  bo.member.displayed(bo.events.length);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
  // What is said next is not delivered by what eve said before.
  assert(ada.member.enter("and more").ok);
  await room.settle();
  assertEquals(count(ada, "delivered"), 1);
});

Deno.test("asks are answered, and a flood of them at their pace", async () => {
  const { room, ada, eve, chain } = await meet();
  await eve.say(chain, "hello");
  await room.pass(1000);
  const receipts = () => ada.sent.filter((bytes) => bytes[4] === KIND.receipt).length;
  const before = receipts();
  for (let i = 0; i < 20; i++) {
    await eve.ask(ada);
    await room.pass(10);
  }
  assertEquals(receipts() - before, 1);
  await room.pass(100);
  assertEquals(receipts() - before, 2, "250 ms after the first");
  await room.pass(2000);
  assertEquals(receipts() - before, 2);
});
