// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { HiddenLine } from "../../lib/os/streams.ts";

/** Types a text, and returns how it ended and what was entered. */
function typed(text: string): [string | undefined, string] {
  const line = new HiddenLine();
  const bytes = new TextEncoder().encode(text);
  let outcome: string | undefined;
  // Byte by byte, as a slow terminal delivers them.
  for (let at = 0; at < bytes.length && outcome === undefined; at++) {
    outcome = line.type(bytes.subarray(at, at + 1));
  }
  return [outcome, new TextDecoder("utf-8", { fatal: true }).decode(line.bytes)];
}

Deno.test("HiddenLine collects a secret, and takes back whole characters", () => {
  assertEquals(typed("secret\r"), ["entered", "secret"]);
  assertEquals(typed("sécrét\x7f\x7f\x7f\n"), ["entered", "séc"]);
  assertEquals(typed("a😀\x7fb\x7f\x7f\x7fc\n"), ["entered", "c"]);
  assertEquals(typed("wrong\x15right\n"), ["entered", "right"]);
  assertEquals(typed("\n"), ["entered", ""]);
  assertEquals(typed("a\x1b\x01b"), [undefined, "ab"]);
  for (const key of ["\x03", "\x04"]) assertEquals(typed(`a${key}`)[0], "interrupted");
});

Deno.test("HiddenLine keeps a bounded number of bytes", () => {
  assertEquals(typed("x".repeat(5000) + "\n"), ["entered", "x".repeat(1024)]);
});
