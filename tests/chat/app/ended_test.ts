// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import { Obstacles } from "../../../lib/chat/app/departure.ts";

function failure(code: string, why = "why"): Failure {
  return new Failure({ what: "cannot connect", why, code });
}

Deno.test("a lasting obstacle is reported once for each reason until a connection succeeds", () => {
  const obstacles = new Obstacles();
  const told = (...args: Parameters<typeof failure>) => obstacles.add(failure(...args));
  assertEquals([told("TLS_EXPIRED"), told("TLS_EXPIRED")], [true, false]);
  assertEquals([told("TLS_WRONG_NAME", "a"), told("TLS_WRONG_NAME", "b")], [true, true]);
  assertEquals(told("TLS_EXPIRED"), false);
  assertEquals(obstacles.last?.code, "TLS_EXPIRED");
  obstacles.clear();
  assertEquals(obstacles.last, undefined);
  assertEquals(told("TLS_EXPIRED"), true);
});

Deno.test("a temporary failure is not reported, and clears the last obstacle", () => {
  const obstacles = new Obstacles();
  obstacles.add(failure("TLS_EXPIRED"));
  for (const code of ["ECONNREFUSED", "ETIMEDOUT", "TLS_CLOSED", "TLS_TIMEOUT"]) {
    assertEquals([obstacles.add(failure(code)), obstacles.last], [false, undefined]);
  }
});
