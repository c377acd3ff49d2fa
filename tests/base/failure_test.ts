// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/base/failure.ts";
import { CHAT_COMMANDS } from "../../lib/chat/app/slash_commands.ts";

const COMMANDS = Object.keys(CHAT_COMMANDS).map((usage) => usage.slice(1).split(" ")[0]!);

Deno.test("nearest() finds the word behind one slip: a letter wrong, missing, too many, or swapped", () => {
  const slips = ["lick", "lck", "locck", "olck"];
  assertEquals(slips.map((word) => nearest(word, COMMANDS)), slips.map(() => "lock"));
  assertEquals(nearest("figerprnt", COMMANDS), "fingerprint");
  assertEquals(nearest("nulokc", ["unknown", "unlock"]), "unlock");
});

Deno.test("nearest() finds the only word with that beginning, and nothing if there are several", () => {
  assertEquals(nearest("fing", COMMANDS), "fingerprint");
  assertEquals(nearest("", COMMANDS), undefined);
  assertEquals(nearest("un", ["under", "until"]), undefined);
});

Deno.test("nearest() finds nothing if no word is similar", () => {
  const far = ["topic", "part", "quote", "x", ""];
  assertEquals(far.map((word) => nearest(word, COMMANDS)), far.map(() => undefined));
  assertEquals(nearest("nosuch", ["xns-ch", "ssh", "http"]), undefined);
  assertEquals(nearest("ab", ["xy", "ac"]), undefined);
  assertEquals(nearest("a", []), undefined);
});
