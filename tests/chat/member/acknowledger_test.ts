// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import {
  Acknowledger,
  Displayed,
  MAX_FRAMES,
  SentFrames,
} from "../../../lib/chat/member/acknowledger.ts";

function acknowledger() {
  const clock = { now: 500 };
  return { clock, acks: new Acknowledger(() => clock.now) };
}

Deno.test("a frame is acknowledged within a second of the first that was not", () => {
  const { clock, acks } = acknowledger();
  assertEquals([acks.dueAt, acks.due()], [Infinity, undefined]);
  acks.count(100);
  clock.now += 700;
  acks.count(100);
  assertEquals([acks.dueAt, acks.due()], [1500, undefined]);
  clock.now += 300;
  assertEquals(acks.due(), 2);
  assertEquals([acks.dueAt, acks.due(), acks.received], [Infinity, undefined, 2]);
});

Deno.test("4,096 frames are acknowledged at once, and so is a mebibyte", () => {
  const { acks } = acknowledger();
  for (let i = 1; i < MAX_FRAMES; i++) acks.count(1);
  assertEquals([MAX_FRAMES, acks.due()], [4096, undefined]);
  acks.count(1);
  assertEquals(acks.due(), 4096);
  acks.count((1 << 20) - 1);
  assertEquals(acks.due(), undefined);
  acks.count(1);
  assertEquals(acks.due(), 4098);
  acks.count(1);
  assertEquals(acks.due(), undefined, "the bytes begin anew");
});

Deno.test("a callback for shown events runs in order, once they are shown", () => {
  const displayed = new Displayed();
  const ran: string[] = [];
  displayed.then(() => ran.push("nothing to wait for"));
  displayed.emit(0);
  displayed.then(() => ran.push("after one"));
  displayed.emit(0);
  displayed.emit(0);
  displayed.then(() => ran.push("after three"));
  displayed.then(() => ran.push("after three, too"));
  assertEquals(ran.splice(0), ["nothing to wait for"]);
  displayed.show(1);
  assertEquals(ran.splice(0), ["after one"]);
  displayed.show(2);
  assertEquals(ran, []);
  displayed.show(3);
  assertEquals(ran, ["after three", "after three, too"]);
  assertEquals([displayed.emitted, displayed.shown], [3, 3]);
});

Deno.test("the count of shown events neither falls nor exceeds the emitted ones", () => {
  const displayed = new Displayed();
  displayed.emit(0);
  displayed.emit(0);
  displayed.show(9);
  assertEquals(displayed.shown, 2);
  displayed.show(1);
  assertEquals(displayed.shown, 2);
});

Deno.test("frames are kept until the relay has accepted them", () => {
  const frames = new SentFrames();
  const [one, two, three] = [new Uint8Array(1), new Uint8Array(2), new Uint8Array(3)];
  for (const frame of [one, two, three]) frames.push(frame);
  assertEquals([frames.count, frames.keptBytes], [3, 6 + 3 * 64]);
  assertEquals(frames.accept(1), []);
  assertEquals(frames.waiting(), [two, three]);
  assertEquals([frames.count, frames.keptBytes], [3, 5 + 2 * 64]);
  assertEquals([frames.accept(1), frames.accept(3)], [[], []]);
  assertEquals([frames.count, frames.keptBytes, frames.waiting()], [3, 0, []]);
});

Deno.test("a count that falls, or that exceeds what was sent, is reported and changes nothing", () => {
  const frames = new SentFrames();
  for (let i = 0; i < 3; i++) frames.push(new Uint8Array(1));
  assertEquals(frames.accept(2), []);
  assertEquals([frames.accept(1), frames.accept(4)], [undefined, undefined]);
  assertEquals([frames.count, frames.waiting().length], [3, 1]);
});
