// @ts-types="../types/std_assert.d.ts"
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { errorCode, Failure, toFailure, usageFailure } from "../lib/failure.ts";

Deno.test("toFailure() names a refused connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }));
  const failure = toFailure(error, "cannot connect");
  assertEquals(failure.message, "cannot connect: nothing listens there (ECONNREFUSED)");
  assertEquals(failure.exitCode, 1);
  assertStrictEquals(failure.cause, error);
});

Deno.test("toFailure() names a port in use", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    Deno.listen({ hostname: "127.0.0.1", port: listener.addr.port }).close();
  } catch (error) {
    assertEquals(toFailure(error, "cannot listen").code, "EADDRINUSE");
    return;
  }
  throw new Error("the port was free");
});

Deno.test("toFailure() tells a missing host from a resolver that does not answer", () => {
  const lookup = "failed to lookup address information: ";
  assertEquals(errorCode(new Error(`${lookup}Name or service not known`)), "ENOTFOUND");
  assertEquals(errorCode(new Error(`${lookup}Temporary failure in name resolution`)), "EAI_AGAIN");
});

Deno.test("toFailure() names the flag of a missing permission", () => {
  const error = new Deno.errors.NotCapable(
    'Requires read access to "x", run again with the --allow-read flag',
  );
  const failure = toFailure(error, "cannot read x");
  assertEquals(failure.code, "NOT_PERMITTED");
  assertEquals(failure.hint, "run again with --allow-read");
});

Deno.test("toFailure() leaves a failure as it is, and keeps an unknown error's own words", () => {
  const failure = usageFailure("--port", "no");
  assertStrictEquals(toFailure(failure, "other"), failure);
  assertEquals(failure.exitCode, 2);
  const unknown = toFailure(new RangeError("odd\nsecond line"), "cannot count");
  assertInstanceOf(unknown, Failure);
  assertEquals(unknown.message, "cannot count: odd (UNEXPECTED)");
});
