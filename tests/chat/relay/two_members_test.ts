// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { heard, RelayRoom } from "./relay_room.ts";

Deno.test("two members talk, and one resumes where its connection ended", async () => {
  const room = new RelayRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  assertEquals([ada.raw.number, bo.raw.number], [1, 2]);
  assertEquals(ada.raw.frames(KIND.joined).length, 1);
  for (let i = 1; i <= 5; i++) ada.raw.say({ number: i });
  bo.raw.whisper(1);
  await room.settle();
  assertEquals(heard(bo.raw), [1, 2, 3, 4, 5]);
  assertEquals(ada.raw.frames(KIND.pair).length, 1);
  assertEquals(ada.raw.frames(KIND.accepted).length > 0, true);
  bo.raw.close();
  await room.settle();
  ada.raw.say({ number: 6 });
  await room.pass(3000);
  assertEquals(ada.raw.frames(KIND.away).length, 1);
  const again = await room.resume(bo);
  assertEquals(heard(again), [6]);
  assertEquals(ada.raw.frames(KIND.back).length, 1);
  await room.pass(0);
  assertEquals(room.relay.isIdle, true);
});
