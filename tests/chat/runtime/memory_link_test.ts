// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import type { Link } from "../../../lib/chat/link.ts";
import { memoryLinks } from "../../../lib/chat/link.ts";

/** Opens a link and records what it delivers. */
function record(link: Link, pause?: () => Promise<void>) {
  const received: number[] = [];
  let ended = 0;
  link.open({
    receive: (bytes) => {
      received.push(...bytes);
      return pause?.();
    },
    disconnected: () => ended += 1,
  });
  return { received, ended: () => ended };
}

function byte(value: number): Bytes {
  return Uint8Array.of(value);
}

/** Lets what is ready run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a memory link delivers in order, in a later turn, and what was sent before it was opened", async () => {
  const [near, far] = memoryLinks();
  near.send(byte(1));
  const { received } = record(far);
  near.send(byte(2));
  assertEquals([received, near.waiting], [[], 2]);
  await turn();
  assertEquals([received, near.waiting], [[1, 2], 0]);
});

Deno.test("a memory link that ends delivers what it sent, then disconnects both ends once", async () => {
  for (const how of ["end", "close"] as const) {
    const [near, far] = memoryLinks();
    const [one, other] = [record(near), record(far)];
    far.send(byte(9));
    near.send(byte(1));
    near[how]();
    near[how]();
    near.send(byte(2));
    await turn();
    far.send(byte(3));
    far.close();
    await turn();
    assertEquals([other.received, one.received], [[1], []], how);
    assertEquals([one.ended(), other.ended()], [1, 1], how);
  }
});

Deno.test("a pause holds a memory link back until it is over, or the link is closed", async () => {
  const pauses: PromiseWithResolvers<void>[] = [];
  const [near, far] = memoryLinks();
  const { received, ended } = record(far, () => {
    const pause = Promise.withResolvers<void>();
    pauses.push(pause);
    return pause.promise;
  });
  for (const value of [1, 2, 3]) near.send(byte(value));
  await turn();
  assertEquals([received, near.waiting], [[1], 2]);
  pauses[0]!.resolve();
  await turn();
  assertEquals([received, near.waiting], [[1, 2], 1]);
  far.close();
  await turn();
  assertEquals([received, ended(), near.waiting], [[1, 2], 1, 0]);
});

Deno.test("a memory link that is closed before it is opened disconnects its receiver", async () => {
  const [near, far] = memoryLinks();
  near.close();
  const ends = [record(near), record(far)];
  await turn();
  assertEquals(ends.map(({ ended }) => ended()), [1, 1]);
});
