// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { sameBytes } from "../../lib/base/bytes.ts";

Deno.test("sameBytes() compares every byte and the lengths", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assertEquals(sameBytes(bytes, bytes.slice()), true);
  assertEquals(sameBytes(new Uint8Array(0), new Uint8Array(0)), true);
  const others = [[1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4]];
  for (const other of others) assertEquals(sameBytes(bytes, Uint8Array.from(other)), false);
});
