// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { parseLine, parseMessage } from "../../../lib/chat/app/slash_commands.ts";

Deno.test("parseLine() takes a line as something to say", () => {
  assertEquals(parseLine("hello"), { kind: "send", text: "hello", to: undefined });
  assertEquals(parseLine(" /who"), { kind: "send", text: " /who", to: undefined });
  assertEquals(parseLine(""), { kind: "nothing" });
});

Deno.test("parseLine() takes blanks that a person types for nothing, and says those that were piped in", () => {
  for (const line of [" ", "   ", "\t", "\u3000", " \n "]) {
    assertEquals(parseLine(line, true), { kind: "nothing" });
    assertEquals(parseLine(line), { kind: "send", text: line, to: undefined });
  }
  assertEquals(parseLine(" a ", true), { kind: "send", text: " a ", to: undefined });
  assertEquals(parseLine("/msg bo   ", true).kind, "mistake");
  assertEquals(parseLine("/msg bo   "), { kind: "send", text: "  ", to: "bo" });
});

Deno.test("parseMessage() says a line as it is, whatever it starts with", () => {
  for (const line of ["/quit", "//", "/usr/bin/env", "/msg bo psst", " ", "hello"]) {
    assertEquals(parseMessage(line), { kind: "send", text: line, to: undefined });
  }
  assertEquals(parseMessage(""), { kind: "nothing" });
});

Deno.test("parseLine() sends what follows the first of two slashes", () => {
  assertEquals(parseLine("//quit"), { kind: "send", text: "/quit", to: undefined });
  assertEquals(parseLine("//"), { kind: "send", text: "/", to: undefined });
});

Deno.test("parseLine() reads every command", () => {
  assertEquals(parseLine("/help"), { kind: "help" });
  assertEquals(parseLine("/who "), { kind: "who" });
  assertEquals(parseLine("/quit"), { kind: "quit" });
  assertEquals(parseLine("/fingerprint"), { kind: "fingerprint", name: undefined });
  assertEquals(parseLine("/fingerprint bo"), { kind: "fingerprint", name: "bo" });
  assertEquals(parseLine("/msg bo I agree\n and more"), {
    kind: "send",
    text: "I agree\n and more",
    to: "bo",
  });
});

Deno.test("parseLine() reads what a person decides, about one name and no more", () => {
  for (const kind of ["verify", "trust", "forget", "exclude", "include"] as const) {
    assertEquals(parseLine(`/${kind}  bo `), { kind, name: "bo" });
    for (const line of [`/${kind}`, `/${kind} bo cy`]) {
      assertEquals(parseLine(line).kind, "mistake", line);
    }
  }
  for (const kind of ["lock", "unlock", "reload"] as const) {
    assertEquals(parseLine(`/${kind}`), { kind });
    assertEquals(parseLine(`/${kind} bo`).kind, "mistake");
  }
});

Deno.test("parseLine() names the nearest command, and never sends a mistake", () => {
  for (const line of ["/hlep", "/msg", "/msg bo", "/msg bo ", "/quit now", "/", "/usr/bin"]) {
    assertEquals(parseLine(line).kind, "mistake", line);
  }
  const code = (line: string) => {
    const entry = parseLine(line);
    return entry.kind === "mistake" ? entry.code : undefined;
  };
  assertEquals([code("/hlep"), code("/msg bo")], ["NO_SUCH_COMMAND", "COMMAND_USAGE"]);
  const entry = parseLine("/hlep");
  assert(entry.kind === "mistake" && entry.message.includes("did you mean /help?"));
});
