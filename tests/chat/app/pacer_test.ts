// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { isFull, windowFor } from "../../../lib/chat/app/delivery.ts";

/** How many lines of a length go before the window is full. */
function linesUntilFull(length: number, members: number): number {
  let lines = 0;
  while (!isFull({ lines, held: lines, bytes: lines * length, unsent: 0 }, members)) lines += 1;
  return lines;
}

Deno.test("the pacer counts long lines by their bytes and divides the window among the members", () => {
  assertEquals(windowFor(2), 1 << 20);
  assertEquals(linesUntilFull(64 << 10, 2), 17);
  assertEquals(linesUntilFull(64 << 10, 1000), 1);
});

Deno.test("the pacer adds a fixed cost to each line, so that many short lines fill the window", () => {
  assertEquals(linesUntilFull(1, 2), 4089);
  assertEquals(linesUntilFull(0, 2), 4097);
  assertEquals(linesUntilFull(0, 1000), 4097);
});
