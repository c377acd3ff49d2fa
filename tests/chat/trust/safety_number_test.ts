// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { safetyNumber } from "../../../lib/chat/trust/known_peers.ts";

const A = "SHA256:QVOreUxDFp3TIpgI0pD4JrVWece6lf5EGoU0N+R42S8";
const B = "SHA256:zAXTuLEYEZQSoTINj58gYnG1c6WWdLZOwSWlGG8t7Tk";
const C = "SHA256:AVOreUxDFp3TIpgI0pD4JrVWece6lf5EGoU0N+R42S8";

Deno.test("a safety number has 12 groups of 5 digits, the same on both sides", async () => {
  const number = await safetyNumber(A, B);
  assertEquals(number.length, 12);
  assert(number.every((group) => /^\d{5}$/.test(group)));
  assertEquals(await safetyNumber(B, A), number);
});

Deno.test("every group of a safety number depends on both identities", async () => {
  const [one, other] = [await safetyNumber(A, B), await safetyNumber(C, B)];
  for (const [i, group] of one.entries()) assert(group !== other[i], `group ${i}`);
});
