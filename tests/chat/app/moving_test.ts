// needs: net run=deno read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Going to another room and back, and a log that is begun while one chats: real processes.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { join, joined, leave, nth, serve, test, texts } from "../trust/people.ts";
import { type ChatEvent, ChatProcess } from "./chat_process.ts";

/** The rooms that a process was told to be in, in order. */
function stays(process: ChatProcess): unknown[] {
  return process.all("joined").filter(({ self }) => self === true).map(({ roomName }) => roomName);
}

/** Waits until a process has been in a number of rooms. */
async function inRooms(process: ChatProcess, count: number): Promise<void> {
  await process.until((one) => stays(one).length === count, `${count} rooms`);
}

/** The errors that a process was told, each as its code and its message. */
function errors(process: ChatProcess): [unknown, unknown][] {
  return process.all("error").map(({ code, message }) => [code, message]);
}

const names = ({ members }: ChatEvent) =>
  (members as { readonly name: string }[]).map(({ name }) => name);

test("/join leaves one room for another at the same relay, with the same name and key", async () => {
  const { server, address } = await serve("--relay-only");
  await using _server = server;
  await using cy = await join(`${address}/garden`, "cy");
  await using di = await join(`${address}/kitchen`, "di");
  await using bo = await join(`${address}/garden`, "bo");
  await joined(bo, "cy");
  await joined(cy, "bo");
  // What is entered before goes to the room of before, and what is entered after to the other one.
  await bo.type("in the garden\n/join kitchen\n");
  await inRooms(bo, 2);
  await joined(di, "bo");
  await bo.type("in the kitchen\n/who\n/join\n");
  await bo.event("room");
  await di.event("message");
  const left = await cy.event("left");
  assertEquals([left.name, left.reason, left.signed], ["bo", "LEFT", true]);
  assertEquals([texts(cy), texts(di)], [["in the garden"], ["in the kitchen"]]);
  const roster = await bo.event("roster");
  assertEquals([roster.roomName, names(roster)], ["kitchen", ["bo", "di"]]);
  const room = await bo.event("room");
  assertEquals([room.roomName, room.rooms], ["kitchen", ["garden", "kitchen"]]);
  // Back, and to the room without a name, which nobody else is in.
  await bo.type("/join garden\n");
  await joined(cy, "bo", 2);
  await bo.type("/join /\n");
  await inRooms(bo, 4);
  assertEquals(stays(bo), ["garden", "kitchen", "garden", ""]);
  const keys = bo.all("joined").filter(({ self }) => self === true).map((one) => one.fingerprint);
  assertEquals(new Set(keys).size, 1, "the identity stays");
  // What was delivered does not count as lost.
  await leave(bo);
  assertEquals([errors(bo), await bo.ended()], [[], 0]);
});

test("a room that refuses leaves the person in the old room, and nothing is lost", async () => {
  const limits = ["--max-members", "2", "--max-rooms", "3"];
  const { server, address } = await serve("--name", "ada", "--room", "garden", ...limits);
  await using _server = server;
  await using other = await join(`${address}/kitchen`, "bo");
  await using cy = await join(`${address}/cellar`, "cy");
  await using di = await join(`${address}/cellar`, "di");
  await using bo = await join(`${address}/garden`, "bo");
  await joined(server, "bo");
  await joined(bo, "ada");
  await bo.type("/join garden\n/join kitchen\n/join cellar\n/join a/b\n/join attic\nstill here\n");
  await server.event("message");
  assertEquals(texts(server), ["still here"]);
  assertEquals(stays(bo), ["garden"]);
  const told = errors(bo);
  assertEquals(told.map(([code]) => code), [
    "SAME_ROOM",
    "NAME_TAKEN",
    "ROOM_FULL",
    "COMMAND_USAGE",
    "TOO_MANY_ROOMS",
  ]);
  for (const [code, message] of told.slice(1).filter(([code]) => code !== "COMMAND_USAGE")) {
    assertMatch(String(message), /^cannot join the room \w+: .*; you stay in the room garden$/);
    assert(!String(message).includes("\n"), String(code));
  }
  assertEquals([server.all("left"), other.all("joined").length, di.all("left")], [[], 1, []]);
  assertEquals(cy.all("error"), []);
});

test("who is banned or not invited stays where it is, with one line", async () => {
  await using scratch = await Scratch.make();
  const identity = await scratch.identity("bo");
  const { server, address } = await serve("--name", "ada", "--room", "garden");
  await using _server = server;
  await using bo = await join(`${address}/garden`, "bo", "-i", identity.file);
  await joined(server, "bo");
  await server.type("/ban bo\n");
  assertEquals(await bo.ended(), 1);
  await using again = await join(`${address}/kitchen`, "bo", "-i", identity.file);
  await again.type("/join garden\n/who\n");
  assertEquals((await again.event("roster")).roomName, "kitchen");
  const [[code, message]] = errors(again) as [[string, string]];
  assertEquals(code, "NOT_ALLOWED");
  assert(message.endsWith("; you stay in the room kitchen"), message);
});

test("the relay stays up while its host is in another room, where the host removes nobody", async () => {
  const { server, address } = await serve("--name", "ada", "--room", "garden");
  await using _server = server;
  await using bo = await join(`${address}/garden`, "bo");
  await using cy = await join(`${address}/kitchen`, "cy");
  await joined(server, "bo");
  await server.type("/join kitchen\n");
  await joined(server, "cy");
  await joined(cy, "ada");
  assertEquals((await bo.event("left")).name, "ada");
  assert(server.all("notice").some(({ text }) => String(text).startsWith("your server goes on")));
  await server.type("/kick cy\nhello\n");
  await cy.event("message");
  assertEquals(errors(server).map(([code]) => code), ["NOT_HOST"]);
  await using di = await join(`${address}/garden`, "di");
  await joined(bo, "di");
  await server.type("/join garden\n");
  await joined(server, "di");
  await server.type("/kick di\n");
  assertEquals(await di.ended(), 1);
});

test("an invitation is for one room, and its guest comes back to that room by it", async () => {
  const { server, address } = await serve("--name", "ada", "--room", "garden", "--invite");
  await using _server = server;
  const link = String((await server.event("invitation")).link);
  await using bo = new ChatProcess(["client", link, "--name", "bo", "--json", "--listen"], FLAGS);
  await joined(server, "bo");
  const invited = () => bo.all("trust").filter(({ trust }) => trust === "invited").length;
  await bo.until(() => invited() === 1, "the invitation");
  await using cy = await join(`${address}/kitchen`, "cy");
  await bo.type("/join kitchen\nhello kitchen\n");
  await cy.event("message");
  await bo.type("/join garden\nback\n");
  await server.event("message");
  assertEquals([texts(server), texts(cy), errors(bo)], [["back"], ["hello kitchen"], []]);
});

test("lines that no connection carries are told as lost when one goes to another room", async () => {
  const { server, address } = await serve("--relay-only");
  await using bo = await join(`${address}/garden`, "bo");
  await using cy = await join(`${address}/garden`, "cy");
  await joined(bo, "cy");
  const port = address.split(":")[1]!;
  server.kill("SIGKILL");
  await server.ended();
  await bo.event("disconnected");
  // There is no other room to go to without the relay: the person stays, and what waits is kept.
  await bo.type("are you there?\n/join kitchen\n/status\n");
  const status = await bo.event("status");
  assertEquals([status.roomName, (status.waiting as unknown[]).length], ["garden", 1]);
  assertMatch(
    String(errors(bo)[0]?.[1]),
    /^cannot join the room kitchen: .*; you stay in the room/,
  );
  await using again = new ChatProcess(["server", "--relay-only", "--port", port, "--json"], FLAGS);
  await again.event("listening");
  await cy.event("message");
  assertEquals(texts(cy), ["are you there?"]);
  await bo.event("delivered");
});

test("/log keeps what is shown from then on in a private file, and stops", async () => {
  await using scratch = await Scratch.make();
  const path = scratch.file("my chat.log");
  const { server, address } = await serve("--name", "ada");
  await using _server = server;
  await using bo = await join(address, "bo", "--files");
  await joined(server, "bo");
  await joined(bo, "ada");
  await bo.type("/log\n");
  assertEquals((await bo.event("log")).file, null);
  await server.type("before\n");
  await nth(bo, "message", 1);
  await bo.type(`/log "${path}"\n/log\n`);
  assertEquals([(await nth(bo, "log", 2)).file, (await nth(bo, "log", 3)).file], [path, path]);
  await server.type("kept\n");
  await nth(bo, "message", 2);
  await bo.type("/log off\n/log\n");
  assertEquals((await nth(bo, "log", 4)).file, null);
  await server.type("after\n");
  await nth(bo, "message", 3);
  await leave(bo);
  const kept = (await scratch.lines("my chat.log")).map((line) => JSON.parse(line));
  assertEquals(kept.map(({ event, text }) => [event, text]), [
    ["log", undefined],
    ["log", undefined],
    ["message", "kept"],
  ]);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

test("/log without the permission, or with a file that others can read, is one clear line", async () => {
  await using scratch = await Scratch.make();
  const open = await scratch.write("open.log", "", 0o644);
  await Deno.chmod(open, 0o644);
  const { server, address } = await serve("--name", "ada");
  await using _server = server;
  // The permission was granted, and given up before anything came from the network.
  await using bo = await join(address, "bo");
  await bo.type(`/log ${scratch.file("x.log")}\n`);
  const { code, message } = await bo.event("error");
  assertEquals(code, "NOT_PERMITTED");
  assertMatch(
    String(message),
    /^cannot open .*x\.log: parley may not read files now; start it with/,
  );
  await using cy = await join(address, "cy", "--files");
  await cy.type(`/log ${open}\n/log ${scratch.file("no/x.log")}\n/log\n`);
  assertEquals((await cy.event("log")).file, null);
  const told = errors(cy);
  assertEquals(told.map(([code]) => code), [
    ...Deno.build.os === "windows" ? [] : ["FILE_NOT_PRIVATE"],
    "ENOENT",
  ]);
  assertEquals(await scratch.names(), ["open.log"]);
});
