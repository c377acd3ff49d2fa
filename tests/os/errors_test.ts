// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { Failure, usageFailure } from "../../lib/base/failure.ts";
import { errorCode, fileFailure, toFailure } from "../../lib/os/errors.ts";

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

Deno.test("toFailure() says in its own words that the runtime's resolver has no network", () => {
  const error = new Error("proto error: io error: Network is unreachable (os error 101)");
  const failure = toFailure(error, "cannot resolve a.example A");
  const said = "cannot resolve a.example A: the network is unreachable (ENETUNREACH)";
  assertEquals(failure.message, said);
  assertEquals(failure.hint, "check this machine's network");
  assertEquals(errorCode(new Error("proto error: io error: Odd (os error 7)")), undefined);
});

Deno.test("errorCode() takes a host that the runtime refuses for one that there is not", async () => {
  for (const hostname of ["a b", "a..b", "x".repeat(64), "."]) {
    const error = await assertRejects(() => Deno.connect({ hostname, port: 1 }));
    assertEquals(errorCode(error), "ENOTFOUND", hostname);
  }
});

Deno.test("toFailure() calls a missing permission NOT_PERMITTED, and leaves the advice to the command line", () => {
  const error = new Deno.errors.NotCapable(
    'Requires read access to "x", run again with the --allow-read flag',
  );
  const failure = toFailure(error, "cannot read x");
  assertEquals(failure.code, "NOT_PERMITTED");
  assertEquals(failure.hint, undefined);
});

Deno.test("toFailure() leaves a failure as it is, and keeps an unknown error's own words", () => {
  const failure = usageFailure("--port", "no");
  assertStrictEquals(toFailure(failure, "other"), failure);
  assertEquals(failure.exitCode, 2);
  const unknown = toFailure(new RangeError("odd\nsecond line"), "cannot count");
  assertInstanceOf(unknown, Failure);
  assertEquals(unknown.message, "cannot count: odd (UNEXPECTED)");
});

Deno.test("fileFailure() speaks of files, not of ports", () => {
  const denied = Object.assign(new Deno.errors.PermissionDenied("no"), { code: "EACCES" });
  const failure = fileFailure(denied, "cannot read key.pem");
  assertEquals(failure.message, "cannot read key.pem: the system does not permit it (EACCES)");
  assertEquals(failure.hint?.includes("ports"), false);
  assertEquals(fileFailure(new Deno.errors.AlreadyExists(), "x").code, "EEXIST");
  const nobody = fileFailure(new Deno.errors.ConnectionRefused(), "cannot connect to unix:/x");
  assertEquals(
    nobody.message,
    "cannot connect to unix:/x: no program listens at that socket (ECONNREFUSED)",
  );
  const many = Object.assign(new Error("(os error 24)"), { code: "EMFILE" });
  assertEquals(fileFailure(many, "x").hint, "raise the limit with ulimit -n");
  const flag = new Deno.errors.NotCapable("run again with the --allow-write flag");
  assertEquals(fileFailure(flag, "x").code, "NOT_PERMITTED");
});

Deno.test("toFailure() takes a deadline of ours for ETIMEDOUT, and never shows a DOMException's number", async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const signal = AbortSignal.timeout(1);
  signal.onabort = () => reject(signal.reason);
  const error = await assertRejects(() => promise);
  assertEquals(toFailure(error, "cannot connect").code, "ETIMEDOUT");
  const aborted = new DOMException("given up", "AbortError");
  assertEquals(toFailure(aborted, "cannot connect").code, "UNEXPECTED");
});

Deno.test("toFailure() proposes no permission for everything", () => {
  const error = new Deno.errors.NotCapable(
    'Requires all access to "/dev/sda", run again with the --allow-all flag',
  );
  const failure = toFailure(error, "cannot write /dev/sda");
  assertEquals(
    failure.message,
    "cannot write /dev/sda: it is part of the system or a device, not a file (NOT_A_FILE)",
  );
  assertEquals(failure.hint, undefined);
});
