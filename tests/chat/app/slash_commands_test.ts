// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { readEntry, readMessage } from "../../../lib/chat/app/slash_commands.ts";

Deno.test("readEntry() takes a line as something to say", () => {
  assertEquals(readEntry("hello"), { kind: "say", text: "hello", to: undefined });
  assertEquals(readEntry(" /who"), { kind: "say", text: " /who", to: undefined });
  assertEquals(readEntry(""), { kind: "nothing" });
});

Deno.test("readEntry() takes blanks that a person types for nothing, and says those that were piped in", () => {
  for (const line of [" ", "   ", "\t", "\u3000", " \n "]) {
    assertEquals(readEntry(line, true), { kind: "nothing" });
    assertEquals(readEntry(line), { kind: "say", text: line, to: undefined });
  }
  assertEquals(readEntry(" a ", true), { kind: "say", text: " a ", to: undefined });
  assertEquals(readEntry("/msg bo   ", true).kind, "mistake");
  assertEquals(readEntry("/msg bo   "), { kind: "say", text: "  ", to: "bo" });
});

Deno.test("readMessage() says a line as it is, whatever it starts with", () => {
  for (const line of ["/quit", "//", "/usr/bin/env", "/msg bo psst", " ", "hello"]) {
    assertEquals(readMessage(line), { kind: "say", text: line, to: undefined });
  }
  assertEquals(readMessage(""), { kind: "nothing" });
});

Deno.test("readEntry() sends what follows the first of two slashes", () => {
  assertEquals(readEntry("//quit"), { kind: "say", text: "/quit", to: undefined });
  assertEquals(readEntry("//"), { kind: "say", text: "/", to: undefined });
});

Deno.test("readEntry() reads every command", () => {
  assertEquals(readEntry("/help"), { kind: "help" });
  assertEquals(readEntry("/who "), { kind: "who" });
  assertEquals(readEntry("/quit"), { kind: "quit" });
  assertEquals(readEntry("/fingerprint"), { kind: "fingerprint", name: undefined });
  assertEquals(readEntry("/fingerprint bo"), { kind: "fingerprint", name: "bo" });
  assertEquals(readEntry("/msg bo I agree\n and more"), {
    kind: "say",
    text: "I agree\n and more",
    to: "bo",
  });
});

Deno.test("readEntry() reads what a person decides, about one name and no more", () => {
  for (const kind of ["verify", "trust", "forget", "exclude", "include"] as const) {
    assertEquals(readEntry(`/${kind}  bo `), { kind, name: "bo" });
    for (const line of [`/${kind}`, `/${kind} bo cy`]) {
      assertEquals(readEntry(line).kind, "mistake", line);
    }
  }
  for (const kind of ["lock", "unlock", "reload"] as const) {
    assertEquals(readEntry(`/${kind}`), { kind });
    assertEquals(readEntry(`/${kind} bo`).kind, "mistake");
  }
});

Deno.test("readEntry() names the nearest command, and never sends a mistake", () => {
  for (const line of ["/hlep", "/msg", "/msg bo", "/msg bo ", "/quit now", "/", "/usr/bin"]) {
    assertEquals(readEntry(line).kind, "mistake", line);
  }
  const code = (line: string) => {
    const entry = readEntry(line);
    return entry.kind === "mistake" ? entry.code : undefined;
  };
  assertEquals([code("/hlep"), code("/msg bo")], ["NO_SUCH_COMMAND", "COMMAND_USAGE"]);
  const entry = readEntry("/hlep");
  assert(entry.kind === "mistake" && entry.message.includes("did you mean /help?"));
});
