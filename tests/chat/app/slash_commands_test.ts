// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  CHAT_COMMANDS,
  CHAT_KEYS,
  commandsFor,
  completeLine,
  helpRows,
  isKept,
  parseLine,
  parseMessage,
  type Side,
} from "../../../lib/chat/app/slash_commands.ts";
import { readPath, readRoom } from "../../../lib/chat/app/rooms.ts";
import { completePath } from "../../../lib/terminal/suggestions.ts";

Deno.test("parseLine() reads a line without a slash as a message", () => {
  assertEquals(parseLine("hello"), { kind: "send", text: "hello", to: undefined });
  assertEquals(parseLine(" /who"), { kind: "send", text: " /who", to: undefined });
  assertEquals(parseLine(""), { kind: "nothing" });
});

Deno.test("parseLine() ignores typed blanks, and sends piped ones", () => {
  for (const line of [" ", "   ", "\t", "\u3000", " \n "]) {
    assertEquals(parseLine(line, true), { kind: "nothing" });
    assertEquals(parseLine(line), { kind: "send", text: line, to: undefined });
  }
  assertEquals(parseLine(" a ", true), { kind: "send", text: " a ", to: undefined });
  assertEquals(parseLine("/msg bo   ", true).kind, "mistake");
  assertEquals(parseLine("/msg bo   "), { kind: "send", text: "  ", to: "bo" });
});

Deno.test("parseMessage() reads every line as a message, with a slash too", () => {
  for (const line of ["/quit", "//", "/usr/bin/env", "/msg bo psst", " ", "hello"]) {
    assertEquals(parseMessage(line), { kind: "send", text: line, to: undefined });
  }
  assertEquals(parseMessage(""), { kind: "nothing" });
});

Deno.test("parseLine() reads a line with two slashes as a message with one", () => {
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

Deno.test("parseLine() reads a decision about exactly one name", () => {
  for (const kind of ["trust", "forget", "exclude", "include", "ignore", "unignore"] as const) {
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

Deno.test("parseLine() reads /verify with a name, and with the answer yes or no", () => {
  assertEquals(parseLine("/verify  bo "), { kind: "verify", name: "bo", answer: undefined });
  assertEquals(parseLine("/verify bo yes"), { kind: "verify", name: "bo", answer: "yes" });
  assertEquals(parseLine("/Verify yes  No "), { kind: "verify", name: "yes", answer: "no" });
  for (const line of ["/verify", "/verify bo cy", "/verify bo yes no", "/verify bo yesterday"]) {
    const read = parseLine(line);
    assertEquals(read.kind, "mistake", line);
    assert(read.kind === "mistake" && read.message.startsWith("usage: /verify NAME"), line);
  }
});

Deno.test("parseLine() suggests the nearest command for an unknown one, and does not send it", () => {
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

/** What completes a line among three members. */
function complete(before: string): [number, readonly string[]] {
  const { start, candidates } = completeLine(before, ["bo", "Ada", "adele"]);
  return [start, candidates];
}

Deno.test("completeLine() completes commands in any letter case, and adds a blank before arguments", () => {
  assertEquals(complete("/he"), [0, ["/help"]]);
  assertEquals(complete("/MS"), [0, ["/msg "]]);
  assertEquals(complete("/unl"), [0, ["/unlock"]]);
  assertEquals(complete("/ex"), [0, ["/exclude ", "/exit"]]);
  assertEquals(complete("/msg"), [0, ["/msg "]]);
  for (const line of ["/nonsense", "//he", " /he", "/help ", "/nonsense a"]) {
    assertEquals(complete(line)[1], [], line);
  }
});

Deno.test("completeLine() completes names after commands that take one, and in messages", () => {
  assertEquals(complete("/msg a"), [5, ["Ada ", "adele "]]);
  assertEquals(complete("/trust "), [7, ["Ada", "adele", "bo"]]);
  assertEquals(complete("/verify "), [8, ["Ada ", "adele ", "bo "]]);
  assertEquals(complete("/verify bo "), [11, ["no", "yes"]]);
  assertEquals(complete("/fingerprint B"), [13, ["bo"]]);
  assertEquals(complete("/verify bo a")[1], []);
  assertEquals(complete("/msg bo ask ad"), [12, ["Ada ", "adele "]]);
  assertEquals(complete("A"), [0, ["Ada: ", "adele: "]]);
  assertEquals(complete("ask b"), [4, ["bo "]]);
  assertEquals(complete("@b"), [0, ["@bo "]]);
  assertEquals(complete("one\nb"), [4, ["bo "]]);
  assertEquals(complete("ask @"), [4, ["@Ada ", "@adele ", "@bo "]]);
  for (const line of ["", "ask ", "x", "a@"]) assertEquals(complete(line)[1], [], line);
});

Deno.test("/help and Tab offer every command that parseLine() reads, /exit beside /quit", () => {
  const words = Object.keys(CHAT_COMMANDS).map((usage) => usage.split(" ")[0]!);
  assert(words.includes("/quit") && words.includes("/exit"));
  for (const word of words) {
    const entry = parseLine(word);
    assert(entry.kind !== "mistake" || entry.code === "COMMAND_USAGE", word);
    assert(complete(word)[1].some((one) => one.trimEnd() === word), word);
  }
});

Deno.test("/help fits into a terminal of 80 columns and 24 rows, and names every command", () => {
  const rows = helpRows(CHAT_KEYS, "host");
  assert(rows.length < 24, `${rows.length} rows`);
  for (const row of rows) assert(`* ${row}`.length <= 80, row);
  const [, ...words] = Object.keys(CHAT_COMMANDS).map((usage) => usage.split(" ")[0]!);
  for (const word of words) assert(new RegExp(`${word}\\b`).test(rows.join("\n")), word);
  assert(rows.some((row) => row.startsWith("Alt-Enter ")));
  assertEquals(helpRows({}, "host"), rows.filter((row) => row.startsWith("/")));
  const host = /^\/(kick|ban|reload)\b/;
  assertEquals(helpRows(CHAT_KEYS, "guest"), rows.filter((row) => !host.test(row)));
});

Deno.test("isKept() keeps private messages, and lines that may be one, out of the history file", () => {
  for (const line of ["hello", "/who", "/verify bo", "//msg", "a\nb"]) {
    assertEquals(isKept(line), true, line);
  }
  const secret = ["/msg bo psst", "/mgs bo psst", "/msg bo", " hello", "\thello", "/nonsense"];
  for (const line of [...secret, "x".repeat(4097)]) assertEquals(isKept(line), false, line);
});

Deno.test("parseLine() reads a command in any letter case, and suggests only similar words", () => {
  assertEquals(parseLine("/WHO"), { kind: "who" });
  assertEquals(parseLine("/Msg bo Psst"), { kind: "send", text: "Psst", to: "bo" });
  for (const word of ["quit", "exit", "EXIT"]) {
    assertEquals(parseLine(`/${word}`), { kind: "quit" });
  }
  for (const kind of ["names", "status", "quiet", "clear"] as const) {
    assertEquals(parseLine(`/${kind}`), { kind });
    assertEquals(parseLine(`/${kind} x`).kind, "mistake");
  }
  const hint = (line: string) => {
    const entry = parseLine(line);
    return entry.kind === "mistake" ? /did you mean (\/\w+)\?/.exec(entry.message)?.[1] : undefined;
  };
  assertEquals(hint("/STATSU"), "/status");
  assertEquals(hint("/exti"), "/exit");
  for (const far of ["/usr/bin/env", "/foo", "/etc", "/dance"]) {
    assertEquals(hint(far), undefined, far);
  }
});

Deno.test("parseLine() reads /me as a message, and /kick and /ban with one name", () => {
  assertEquals(parseLine("/me waves"), { kind: "send", text: "/me waves", to: undefined });
  for (const line of ["/me", "/me  ", "/kick", "/ban bo cy"]) {
    assertEquals(parseLine(line).kind, "mistake", line);
  }
  for (const kind of ["kick", "ban"] as const) {
    assertEquals(parseLine(`/${kind} bo`), { kind, name: "bo" });
  }
});

Deno.test("commands of the host are listed and completed only for the host", () => {
  const own = ["/kick NAME", "/ban NAME", "/reload"];
  const usages = (side: Side) => commandsFor(side).map(([usage]) => usage);
  assertEquals(usages("host"), Object.keys(CHAT_COMMANDS));
  assertEquals(usages("guest"), usages("host").filter((usage) => !own.includes(usage)));
  const files = ["/join [ROOM]", "/log [FILE]"];
  assertEquals(usages("browser"), usages("guest").filter((usage) => !files.includes(usage)));
  assertEquals(completeLine("/ki", []).candidates, ["/kick "]);
  assertEquals(completeLine("/ki", [], "guest").candidates, []);
  assertEquals(completeLine("/re", [], "guest").candidates, []);
});

Deno.test("completeLine() completes names after /ignore, /unignore, /kick and /ban, and in /me", () => {
  for (const word of ["ignore", "unignore", "kick", "ban"]) {
    assertEquals(complete(`/${word} b`), [word.length + 2, ["bo"]], word);
  }
  assertEquals(complete("/me thanks ad"), [11, ["Ada ", "adele "]]);
  assertEquals(complete("/un")[1], ["/unignore ", "/uninvite ", "/unlock"]);
});

Deno.test("parseLine() reads /join and /log with whatever follows", () => {
  assertEquals(parseLine("/join"), { kind: "join", rest: "" });
  assertEquals(parseLine("/JOIN  garden "), { kind: "join", rest: "garden" });
  assertEquals(parseLine('/log  "my chat.log" '), { kind: "log", rest: '"my chat.log"' });
});

Deno.test("readRoom() reads a room's name, and / as the room without a name", () => {
  assertEquals(readRoom("garden"), "garden");
  assertEquals(readRoom("ｇａｒｄｅｎ"), "garden");
  assertEquals(readRoom("/"), "");
  for (const name of ["a/b", "two words", "x".repeat(65), "a\u202eb", "//"]) {
    assertEquals(readRoom(name), undefined, name);
  }
});

Deno.test("readPath() reads a path that may have blanks and stand in quotes", () => {
  const cases = [
    ["chat.log", "chat.log"],
    ["my chat.log", "my chat.log"],
    ['" my chat.log "', " my chat.log "],
    ["'it \"is\"'", 'it "is"'],
    ["it's", "it's"],
    ['"off"', "off"],
    ["~/chat.log", "~/chat.log"],
    ['""', undefined],
    ["a\nb", undefined],
  ];
  for (const [text, path] of cases) assertEquals(readPath(text!), path, text);
});

Deno.test("completeLine() completes the rooms of this run, and paths", () => {
  const entry = (name: string, isDirectory = false) => ({ name, isDirectory });
  const tree: Record<string, ReturnType<typeof entry>[]> = {
    ".": [entry("chats", true), entry("chat.log"), entry(".git", true), entry("a\x1bb")],
    "chats/": [entry("my notes"), entry(".old")],
    "/": [entry("etc", true)],
  };
  const paths = (begun: string) => completePath(begun, (path) => tree[path] ?? []);
  const options = { rooms: ["kitchen", "/"], paths };
  const complete = (line: string) => {
    const { start, candidates } = completeLine(line, ["bo"], "guest", options);
    return [start, candidates];
  };
  assertEquals(complete("/join "), [6, ["/", "kitchen"]]);
  assertEquals(complete("/Join K"), [6, ["kitchen"]]);
  assertEquals(complete("/join kitchen k"), [14, []]);
  assertEquals(complete("/log "), [5, ["chat.log", "chats/"]]);
  assertEquals(complete("/log chats/"), [5, ["chats/my notes"]]);
  assertEquals(complete("/log chats/my n"), [5, ["chats/my notes"]]);
  assertEquals(complete('/log "chats/m'), [5, ['"chats/my notes"']]);
  assertEquals(complete("/log 'ch"), [5, ["'chat.log'", "'chats/"]]);
  assertEquals(complete("/log chats/."), [5, ["chats/.old"]]);
  assertEquals(complete("/log .g"), [5, [".git/"]]);
  assertEquals(complete("/log /e"), [5, ["/etc/"]]);
  assertEquals(complete("/log nowhere/x"), [5, []]);
  assertEquals(complete("/log a"), [5, []], "a name with a control character");
  assertEquals(completeLine("/log ", [], "guest").candidates, []);
  assertEquals(completeLine("/lo", [], "browser").candidates, ["/lock"]);
});
