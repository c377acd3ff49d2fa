// needs: net run=deno read=tests/scratch write=tests/scratch (about 10 s)

/**
 * What `--log` keeps of a chat: real processes and files.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { join, joined, leave, serve, test } from "../trust/people.ts";
import { ChatProcess } from "./chat_process.ts";

const TIME = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d";

test("--log appends what was shown to a private file and names that file in it", async () => {
  await using scratch = await Scratch.make();
  const path = scratch.file("chat.log");
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  for (const [i, text] of ["first", "second\x1b[2J"].entries()) {
    await using bo = new ChatProcess(
      ["client", address, "--name", "bo", "--listen", "--log", path],
      FLAGS,
    );
    await bo.until(({ lines }) => lines.some((line) => line.includes("you are bo")), "the room");
    // What is typed before goes to nobody.
    await joined(server, "bo", i + 1);
    await server.type(`${text}\n`);
    await bo.until(({ lines }) => lines.some((line) => line.startsWith("ada: ")), "the line");
    bo.kill("SIGTERM");
    assertEquals(await bo.ended(), 0);
  }
  const lines = (await scratch.read("chat.log")).trimEnd().split("\n");
  for (const line of lines) assertMatch(line, new RegExp(`^${TIME} (\\*|ada:) `));
  const texts = lines.map((line) => line.replace(new RegExp(`^${TIME} `), ""));
  const kept = `* you are bo, with ada (new); kept in ${path}, which whoever has it can read`;
  assertEquals(texts.filter((text) => text === kept).length, 2);
  assertEquals(texts[0], kept);
  assertEquals(texts.filter((text) => text.startsWith("ada: ")), ["ada: first", "ada: second␛[2J"]);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

test("--log of a server with --json keeps the JSON lines unchanged", async () => {
  await using scratch = await Scratch.make();
  const path = await scratch.write("chat.log", "from before\n");
  await Deno.chmod(path, 0o600);
  const { server, address } = await serve("-n", "ada", "--log", path);
  await using _server = server;
  await using bo = await join(address, "bo");
  await bo.type("hello\n");
  await server.event("message");
  await leave(bo);
  await leave(server);
  const [before, ...lines] = (await scratch.read("chat.log")).trimEnd().split("\n");
  assertEquals(before, "from before");
  assertEquals(lines, server.lines);
});

test("--log names a file that cannot be opened, and is wrong usage with --relay-only", async () => {
  await using scratch = await Scratch.make();
  const start = async (path: string, ...args: string[]) => {
    const command = ["server", "--port", "0", "--log", path, ...args];
    await using server = new ChatProcess(command, FLAGS);
    return [await server.ended(), server.errors[0]];
  };
  const missing = scratch.file("no/chat.log");
  const [code, error] = await start(missing);
  assertEquals(code, 1);
  assertMatch(String(error), /^parley: cannot open .*\/no\/chat\.log: .* \(ENOENT\)$/);
  if (Deno.build.os !== "windows") {
    const open = await scratch.write("open.log", "");
    await Deno.chmod(open, 0o644);
    assertMatch(String((await start(open))[1]), /\(mode 0644\).*\(FILE_NOT_PRIVATE\)$/);
  }
  const [usage, why] = await start(scratch.file("x"), "--relay-only");
  assertEquals([usage, why], [
    2,
    "parley: --log: it is for a member, and --relay-only runs without one (USAGE)",
  ]);
});
