// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { constants } from "node:os";
import { Failure } from "../../lib/base/failure.ts";
import { provokeSocketErrors, readErrorCode } from "../../lib/info.ts";
import { SOCKET_ERRORS } from "../../lib/os/errors.ts";

/** Provoked on every host that has a loopback, and the class that comes. */
const EVERYWHERE = {
  EADDRINUSE: "Deno.errors.AddrInUse",
  EADDRNOTAVAIL: "Deno.errors.AddrNotAvailable",
  ECONNREFUSED: "Deno.errors.ConnectionRefused",
  ECONNRESET: "Deno.errors.ConnectionReset",
  EMSGSIZE: "Error",
  ENOTFOUND: "Error",
  EPIPE: "Deno.errors.BrokenPipe",
  ETIMEDOUT: "DOMException, named TimeoutError",
};

Deno.test("provokeSocketErrors() provokes each error live, and shows its class and errno", async () => {
  const codes = Object.keys(EVERYWHERE);
  const reports = await provokeSocketErrors(codes);
  const numbers: Record<string, number | undefined> = constants.errno;
  for (const report of reports) {
    assertEquals([report.code, report.provoked], [report.code, true], report.by);
    assertEquals(report.errno, numbers[report.code] ?? null);
  }
  assertEquals(Object.fromEntries(reports.map((each) => [each.code, each.class])), EVERYWHERE);
});

Deno.test({
  name: "provokeSocketErrors() reports the whole table, in the words of every failure of parley",
  // A name server that is slow leaves the lookup behind EAI_AGAIN under way: it cannot be taken back.
  sanitizeOps: false,
  async fn() {
    const reports = await provokeSocketErrors();
    assertEquals(reports.map(({ code }) => code), Object.keys(SOCKET_ERRORS));
    for (const { code, why, hint, by } of reports) {
      assertEquals({ why, hint }, SOCKET_ERRORS[code]);
      assert(by !== "");
    }
  },
});

Deno.test("provokeSocketErrors() says why an error was not provoked", async () => {
  const [report] = await provokeSocketErrors(["EHOSTUNREACH"]);
  assertEquals([report?.provoked, report?.class], [false, "Deno.errors.HostUnreachable"]);
  assertEquals(report?.by, "it needs a router that reports it");
});

Deno.test("provokeSocketErrors() says that the deadline of ETIMEDOUT is ours", async () => {
  const [report] = await provokeSocketErrors(["ETIMEDOUT"]);
  assert(report?.by.includes("our own deadline of 500 ms"), report?.by);
  assert(!JSON.stringify(report).includes("23"), "the number of a DOMException is no errno");
});

Deno.test({
  name:
    "provokeSocketErrors() provokes EACCES where ports under 1024 are guarded, and says where not",
  ignore: Deno.build.os === "windows",
  async fn() {
    const [report] = await provokeSocketErrors(["EACCES"]);
    const permitted = report?.by.includes("is permitted here");
    assertEquals(report?.provoked, !permitted, report?.by);
  },
});

Deno.test("readErrorCode() reads a name or a number, and suggests the nearest name", async () => {
  assertEquals(await readErrorCode("econnrefused"), "ECONNREFUSED");
  assertEquals(await readErrorCode(String(constants.errno.EPIPE)), "EPIPE");
  const failure = await assertRejects(() => readErrorCode("ECONREFUSED"), Failure);
  assertEquals([failure.code, failure.exitCode, failure.hint], [
    "UNKNOWN_ERROR",
    1,
    "did you mean ECONNREFUSED?",
  ]);
});
