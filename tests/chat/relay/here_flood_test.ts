/**
 * A member that says without end that it is there: nobody is removed over it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { concatBytes, hereFrame } from "../raw_frames.ts";
import { RelayRoom, told } from "./relay_room.ts";

Deno.test("20,000 `here` frames of one member neither remove an away member nor displace others' frames to it", async () => {
  const room = new RelayRoom({ graceMs: 3_600_000 });
  const [eve, ada] = [await room.join("eve"), await room.join("ada")];
  const stuck = await room.join("stuck");
  stuck.raw.close();
  await room.settle();
  const many = concatBytes(...Array.from({ length: 1_000 }, () => hereFrame(eve.raw.number)));
  for (let i = 0; i < 20; i++) {
    eve.raw.send(many);
    eve.raw.sent += 999; // it counts chunks
    await room.settle();
  }
  ada.raw.whisper(stuck.raw.number);
  await room.settle();
  assertEquals([told(room).includes("left stuck LOST"), room.relay.size], [false, 3]);
  const back = await room.resume(stuck);
  const came = [KIND.resumed, KIND.pair].map((kind) => back.frames(kind).length);
  assertEquals([came, back.ended], [[1, 1], false]);
});
