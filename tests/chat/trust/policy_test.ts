// needs: net run=deno read=tests/scratch write=tests/scratch (about 10 s)

/**
 * Whom a member lets read: those expected, those known, all but some; with real processes and files.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { ChatProcess } from "../app/chat_process.ts";
import { join, joined, leave, nth, serve, test, texts } from "./people.ts";

test("with --expect only those identities receive messages, and /trust adds another", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const { server, address } = await serve("-n", "ada", "--expect", bo.fingerprint);
  await using _server = server;
  await using expected = await join(address, "bo", "-i", bo.file);
  await using other = await join(address, "cy");
  assertEquals((await joined(server, "bo")).trust, "verified");
  assertEquals((await joined(server, "cy")).trust, "excluded");
  await server.type("for bo\n/msg cy psst\n");
  await expected.event("message");
  assertEquals((await server.event("error")).code, "EXCLUDED");
  // Who is excluded is heard all the same.
  await other.type("hello\n");
  assertEquals((await server.event("message")).trust, "excluded");
  await server.type("/trust cy\nfor both\n");
  await other.event("message");
  await nth(expected, "message", 3);
  assertEquals([texts(expected), texts(other)], [["for bo", "hello", "for both"], ["for both"]]);
});

test("piped input that reaches none of the expected identities ends with 1", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  for (const rule of [["--expect", bo.fingerprint], ["--strict"]]) {
    await using client = new ChatProcess(["client", address, "-n", "cy", ...rule], FLAGS);
    await client.type("for bo alone\n");
    await client.endInput();
    assertEquals(await client.ended(), 1);
    assertEquals(client.lines.at(-1), "* no one received that: ada does not receive your messages");
  }
  assertEquals(texts(server), []);
});

test("--strict and /lock exclude new people, and /unlock ends both", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const peers = await scratch.write("peers", `bo ${bo.fingerprint} 2026-11-01 unverified\n`);
  const { server, address } = await serve("-n", "ada", "-k", peers, "--strict");
  await using _server = server;
  await using known = await join(address, "bo", "-i", bo.file);
  await using stranger = await join(address, "cy");
  assertEquals((await joined(server, "bo")).trust, "known");
  assertEquals((await joined(server, "cy")).trust, "excluded");
  await server.type("for bo\n");
  await known.event("message");
  await server.type("/unlock\nfor both\n");
  await stranger.event("message");
  await server.type("/lock\nfor bo again\n");
  await nth(known, "message", 3);
  await server.type("/unlock\nfor both again\n");
  await nth(stranger, "message", 2);
  assertEquals(texts(stranger), ["for both", "for both again"]);
  assertEquals(
    server.all("lock").map(({ locked, excluded }) => [locked, excluded]),
    [[false, []], [true, ["cy"]], [false, []]],
  );
});

test("a person excluded by --strict is still new in the next run", async () => {
  await using scratch = await Scratch.make();
  const cy = await scratch.identity("cy");
  const peers = scratch.file("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers, "--strict");
  await using _server = server;
  for (const run of [1, 2]) {
    await using client = await join(address, "cy", "-i", cy.file);
    assertEquals((await joined(server, "cy", run)).trust, "excluded");
    await leave(client);
    await nth(server, "left", run);
  }
  await leave(server);
  assertEquals(await scratch.lines("peers"), []);
});

test("/exclude stops messages to a member, /include resumes them, and /forget removes the known peer", async () => {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada", "-k", scratch.file("peers"));
  await using _server = server;
  await using bo = await join(address, "bo");
  await using cy = await join(address, "cy");
  await joined(server, "bo");
  await joined(server, "cy");
  await server.type(
    "one\n/exclude CY\ntwo\n/msg cy psst\n/include cy\nthree\n/trust cy\n/forget cy\n",
  );
  await nth(bo, "message", 3);
  await nth(cy, "message", 2);
  assertEquals([texts(bo), texts(cy)], [["one", "two", "three"], ["one", "three"]]);
  await nth(server, "trust", 4);
  assertEquals(server.all("trust").map(({ name, trust }) => [name, trust]), [
    ["cy", "excluded"],
    ["cy", "new"],
    ["cy", "known"],
    ["cy", "new"],
  ]);
  assertEquals(server.all("error").map(({ code }) => code), ["EXCLUDED"]);
  await leave(server);
  assertEquals((await scratch.lines("peers")).map((line) => line.split(" ")[0]), ["bo"]);
});

test("a trust command that fails is an error, and piped input then ends with 1", async () => {
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  const client = new ChatProcess(["client", address, "-n", "bo", "--json"], FLAGS);
  await using _client = client;
  await client.type("/trust eve\n/verify\n/include ada\n/forget ada\n/reload\n/trust bo\n");
  await client.endInput();
  assertEquals(await client.ended(), 1);
  assertEquals(client.all("error").map(({ code }) => code), [
    "NO_SUCH_MEMBER",
    "COMMAND_USAGE",
    "NOT_EXCLUDED",
    "NOT_KNOWN",
    "NOTHING_TO_RELOAD",
    "NO_SUCH_MEMBER",
    "LINES_REFUSED",
  ]);
});
