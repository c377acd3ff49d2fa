// needs: net run=deno (about 15 s)

/**
 * Rooms by name, as processes: who meets whom, and what a name that is not valid is told.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import type { PagePlace } from "../../../lib/chat/app/invite.ts";
import { guestPlace } from "../../../lib/chat/app/rooms.ts";
import { openRelay } from "../../../lib/chat/runtime/room.ts";
import { promptRoom } from "../../../lib/chat/app/setup.ts";
import { widthOf } from "../../../lib/terminal/rows.ts";
import { clientFiles, readRoomAddress, webOptions } from "../../../lib/commands/chat/chat.ts";
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess, startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno");

Deno.test("an address may contain a room, whose name is normalized", () => {
  const at = (hostname: string, port: number, roomName: string) => ({ hostname, port, roomName });
  assertEquals(readRoomAddress("a.example"), at("a.example", 4396, ""));
  assertEquals(readRoomAddress("a.example/"), at("a.example", 4396, ""));
  assertEquals(readRoomAddress("a.example/garden"), at("a.example", 4396, "garden"));
  assertEquals(readRoomAddress("[::1]:5000/гарденъ"), at("::1", 5000, "гарденъ"));
  assertEquals(readRoomAddress("::1/ｇａｒｄｅｎ"), at("::1", 4396, "garden"));
});

Deno.test("a prompt names a room in 20 columns, also where its characters are wide", () => {
  assertEquals(promptRoom("", widthOf), "");
  assertEquals(promptRoom("garden", widthOf), "[garden] ");
  assertEquals(promptRoom("a".repeat(20), widthOf), `[${"a".repeat(20)}] `);
  assertEquals(promptRoom("a".repeat(21), widthOf), `[${"a".repeat(19)}…] `);
  assertEquals(promptRoom("غرفة-الأصدقاء-القدامى", widthOf), "[غرفة-الأصدقاء-القدا…] ");
  assertEquals(promptRoom("部屋".repeat(5), widthOf), `[${"部屋".repeat(5)}] `);
  assertEquals(promptRoom("部屋".repeat(6), widthOf), "[部屋部屋部屋部屋部…] ");
  assertEquals(promptRoom("🎉".repeat(16), widthOf), `[${"🎉".repeat(9)}…] `);
});

Deno.test("an invalid room name is refused in one line with the reason", () => {
  const failure = (text: string) => assertThrows(() => readRoomAddress(text), Failure);
  for (const room of ["two words", "a/b", "a\tb", "x".repeat(65), "a\u202eb"]) {
    const { code, why, what } = failure(`a.example/${room}`);
    assertEquals(code, "USAGE");
    assert(why.endsWith("is not the name of a room"), why);
    // deno-lint-ignore no-control-regex -- a control is what it looks for
    assert(!/[\x00-\x1f\u202e]/.test(what + why), what);
  }
  assertEquals(failure("/garden").hint, "try 127.0.0.1/garden");
  assert(failure("ftp://a.example/garden").why.startsWith("it is a URL"));
  assert(failure("a.example:x/garden").why.startsWith("a port is"));
});

Deno.test("the URL of a page gives the room and the path of its WebSocket", () => {
  const cases: [text: string, host: string, port: number, room: string, path: string][] = [
    ["https://a.example", "a.example", 443, "", "/chat"],
    ["HTTPS://A.example/", "a.example", 443, "", "/chat"],
    ["https://a.example/garden", "a.example", 443, "garden", "/chat"],
    ["https://a.example/chat", "a.example", 443, "chat", "/chat"],
    ["https://a.example:8443/p/q/garden", "a.example", 8443, "garden", "/p/q/chat"],
    ["https://a.example/p/", "a.example", 443, "", "/p/chat"],
    ["http://[::1]:5000/%D0%B3", "::1", 5000, "г", "/chat"],
    ["http://127.0.0.1/e%CC%81", "127.0.0.1", 80, "é", "/chat"],
    ["https://bücher.example/", "xn--bcher-kva.example", 443, "", "/chat"],
  ];
  for (const [text, hostname, port, roomName, path] of cases) {
    const web = { path, isSecure: text.toLowerCase().startsWith("https:") };
    assertEquals(readRoomAddress(text), { hostname, port, roomName, web }, text);
  }
});

Deno.test("the URL of a WebSocket is dialled exactly, and may contain a room", () => {
  const cases: [text: string, port: number, room: string, path: string][] = [
    ["ws://a.example", 80, "", "/chat"],
    ["wss://a.example/", 443, "", "/chat"],
    ["wss://a.example/p/socket", 443, "", "/p/socket"],
    ["wss://a.example:444/chat?room=%D0%B3", 444, "г", "/chat"],
  ];
  for (const [text, port, roomName, path] of cases) {
    const web = { path, isSecure: text.startsWith("wss:") };
    assertEquals(readRoomAddress(text), { hostname: "a.example", port, roomName, web }, text);
  }
});

Deno.test("a URL that cannot be dialled is refused in one line with the reason", () => {
  const cases = [
    ["https://", "it is not a URL"],
    ["https://a b/", "it is not a URL"],
    ["wss://a.example:99999/", "it is not a URL"],
    ["https://me@a.example/", "it has a user or a password"],
    ["https://me:hunter2@a.example/", "it has a user or a password"],
    ["https://a.example/garden#secret", "it has a part after #"],
    ["https://a.example/garden?x", "it has a part after ?"],
    ["wss://a.example/chat?room=a&room=b", "it has more than ?room=NAME after the path"],
    ["wss://a.example/chat?rom=a", "it has more than ?room=NAME after the path"],
    ["https://a.example/%FF", "its path is not UTF-8"],
    ["https://a.example/a%20b", '"a b" is not the name of a room'],
    ["https://a.example/a%2Fb", '"a/b" is not the name of a room'],
  ];
  for (const [text, why] of cases) {
    const failure = assertThrows(() => readRoomAddress(text!), Failure);
    assertEquals([failure.code, failure.why], ["USAGE", why], text);
  }
});

Deno.test("TLS and web options that contradict the address or the server are refused", () => {
  const usage = (run: () => void) => assertThrows(run, Failure).message;
  const web = (isSecure: boolean) => ({ path: "/chat", isSecure });
  assertEquals(clientFiles(false, undefined, web(true)), { tls: { ca: undefined } });
  assertEquals(clientFiles(false, "ca.pem", web(true)), { tls: { ca: "ca.pem" } });
  assertEquals(clientFiles(true, undefined, web(true)), { tls: { ca: undefined } });
  assertEquals(clientFiles(false, undefined, web(false)), {});
  assert(usage(() => clientFiles(true, undefined, web(false))).includes("without TLS"));
  assert(usage(() => clientFiles(false, "ca.pem", web(false))).includes("--ca: it needs"));
});

/** Reads the options of the web as a server is given them. */
function webOf(origins: readonly string[], page?: string, { web = true, room = "" } = {}) {
  return webOptions({ web, "web-origin": origins, "web-page": page, room });
}

Deno.test("--web-origin accepts only origins, with or without a final slash", () => {
  const origins = ["null", "https://A.example", "http://a.example:8080/", "chrome-extension://abc"];
  assertEquals(webOf([...origins, "https://a.example/"]), {
    web: {
      origins: [
        "null",
        "https://a.example",
        "http://a.example:8080",
        "chrome-extension://abc",
        "https://a.example",
      ],
    },
  });
  assertEquals(webOf([], undefined, { web: false }), {});
  const usage = (run: () => void) => assertThrows(run, Failure).message;
  const unserved = { web: false };
  assert(
    usage(() => webOf(["null"], undefined, unserved)).includes("--web-origin: it needs --web"),
  );
  const wrongs = ["", "a.example", "https://a.example/x", "https://a@b", "*", "https://"];
  const paths = ["https://a.example/x/", "https://a.example//", "https://a.example/?y=/"];
  for (const wrong of [...wrongs, ...paths]) {
    assert(usage(() => webOf([wrong])).includes("is not an origin"), wrong);
  }
});

Deno.test("--web-page accepts only URLs that an invitation link can have", () => {
  const page = { scheme: "https", hostname: "a.example", port: 443 } as const;
  const pages: [string, PagePlace][] = [
    ["HTTPS://A.example/", { ...page, path: "/chat" }],
    ["https://a.example./x/y/", { ...page, path: "/x/y/chat" }],
    ["https://a.example/@x/%C3%A9/", { ...page, path: "/@x/%C3%A9/chat" }],
    ["https://bücher.example/", { ...page, hostname: "xn--bcher-kva.example", path: "/chat" }],
    ["https://[::1]:8443/x/", { ...page, hostname: "::1", port: 8443, path: "/x/chat" }],
    ["http://localhost:80/x/", {
      scheme: "http",
      hostname: "localhost",
      port: 80,
      path: "/x/chat",
    }],
  ];
  for (const [text, place] of pages) {
    assertEquals(webOf(["null"], text), { web: { origins: ["null"], page: place } }, text);
  }
  const form = "is not a URL of a page that ends in a slash";
  const wrongs: Readonly<Record<string, string>> = {
    "": form,
    "a.example": form,
    "https://a.example": form,
    "https://a.example/x": form,
    "https://a.example/x/?y=/": form,
    "https://a.example/x/#/": form,
    "https://me:hunter2@a.example/": form,
    "wss://a.example/": form,
    "https://a b/": form,
    "https:///x/": form,
    "https://h//": "is no path",
    "https://h/[x]/": "is no path",
    "https://h/a/../b/": "is no path",
    "https://h/a%2F..%2Fb/": "is no path",
    "https://h/a\\b/": "is no path",
    "http://a.example/": "http is for this machine alone",
    [`https://h/${"x".repeat(500)}/`]: "characters, more than 512",
  };
  for (const [wrong, why] of Object.entries(wrongs)) {
    const { message, code, hint } = assertThrows(() => webOf([], wrong), Failure, why, wrong);
    assertEquals([code, message.split("\n").length], ["USAGE", 1], wrong);
    assert(message.startsWith("--web-page: ") && !message.includes("hunter2"), message);
    assert(hint?.startsWith("write it as https://HOST/"), wrong);
  }
  const unserved = { web: false };
  assertThrows(() => webOf([], "https://h/", unserved), Failure, "--web-page: it needs --web");
  // A link to the server's room has to fit.
  const long = `https://h/${"x".repeat(430)}/`;
  assertEquals(webOf([], long).web?.page?.hostname, "h");
  assertThrows(() => webOf([], long, { room: "x".repeat(64) }), Failure, "more than 512");
});

Deno.test({
  name: "members of one room see each other, and nothing of another room of the same relay",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada", "--room", "garden");
    await using _server = server;
    await using bo = await startClient(`${address}/garden`, "bo", "--listen");
    await using cy = await startClient(`${address}/kitchen`, "cy", "--listen");
    // Names are unique in a room, not on a relay.
    await using other = await startClient(address, "bo", "--listen");
    await server.until((one) => one.all("joined").length === 2, "bo has come");
    await server.type("in the garden\n/who\n");
    await bo.event("message");
    await server.event("delivered");
    await cy.type("/who\n");
    const [there, alone] = [await server.event("roster"), await cy.event("roster")];
    const names = ({ members }: typeof there) => (members as { name: string }[]).map((m) => m.name);
    assertEquals([there.roomName, names(there)], ["garden", ["ada", "bo"]]);
    assertEquals([alone.roomName, names(alone)], ["kitchen", ["cy"]]);
    assertEquals(other.all("joined").map(({ name, roomName }) => [name, roomName]), [["bo", ""]]);
    assertEquals([cy.all("message"), other.all("message")], [[], []]);
  },
});

Deno.test({
  name: "--max-rooms limits the rooms of a relay, and the next one is refused with the reason",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only", "--max-rooms", "1");
    await using _server = server;
    await using cy = new ChatProcess(["client", `${address}/kitchen`, "--name", "cy"]);
    assertEquals(await cy.ended(), 1);
    assertEquals(cy.errors, [
      "parley: cannot join the room: the relay has no place for another room (TOO_MANY_ROOMS)",
      "hint: join a room that exists, or ask for a larger --max-rooms",
    ]);
    await using bo = await startClient(address, "bo");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
  },
});

Deno.test({
  name: "an invalid room name is wrong usage for server and client, before any connection",
  ignore,
  async fn() {
    // Nothing listens there.
    await using client = new ChatProcess(["client", "127.0.0.1:1/two words", "--name", "bo"]);
    assertEquals(await client.ended(), 2);
    assert(client.errors[0]!.includes('"two words" is not the name of a room'), client.errors[0]);
    await using server = new ChatProcess(["server", "--port", "0", "--room", "a/b"]);
    assertEquals(await server.ended(), 2);
    assert(server.errors[0]!.startsWith('parley: --room: "a/b" is not the name of a room'));
  },
});

Deno.test({
  name: "parley chat accepts a room in the answer about the address",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada", "--room", "garden");
    await using _server = server;
    await using bo = new ChatProcess([]);
    await bo.type(`client\n${address}/garden\nhello\n`);
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    assertEquals(server.all("message").map(({ text }) => text), ["hello"]);
  },
});

Deno.test({
  name:
    "a stopped member process delays nobody, and receives everything in order when it continues",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using ada = await startClient(address, "ada", "--listen");
    await using bo = await startClient(address, "bo", "--listen");
    await using stuck = await startClient(address, "stuck", "--listen");
    for (const one of [ada, bo]) await one.until((o) => o.all("joined").length === 3, "all are in");
    stuck.kill("SIGSTOP");
    const lines = Array.from({ length: 200 }, (_, i) => `${i} `.padEnd(20_000, "x"));
    await ada.type(lines.map((line) => `${line}\n`).join(""));
    await bo.until((one) => one.all("message").length === lines.length, "bo has read all of it");
    await bo.type("still here\n");
    await ada.event("message");
    assertEquals(stuck.all("message"), []);
    assertEquals([ada.all("delivered"), ada.all("error"), bo.all("error")], [[], [], []]);
    stuck.kill("SIGCONT");
    await stuck.until((one) => one.all("message").length > lines.length, "stuck has read it");
    const fromAda = stuck.all("message").filter(({ from }) => from === "ada");
    assertEquals(fromAda.map(({ text }) => text), lines);
    await ada.until((one) => one.all("delivered").length === lines.length, "all is delivered");
    assertEquals(ada.all("delivered").filter(({ missed }) => missed !== undefined), []);
  },
});

Deno.test({
  name:
    "a server shows the command with which others join, with HOST if it may not read its addresses",
  ignore: !granted("run=deno"),
  async fn() {
    const { server } = await startServer("--host", "0.0.0.0", "--name", "ada", "--room", "garden");
    await using _server = server;
    const { port, join } = await server.event("listening");
    assertEquals(join, [`parley chat client HOST:${port}/garden`]);
  },
});

Deno.test("an invitation's page is at localhost if browsers on this machine alone can use it, and else at HOST", async () => {
  await using relay = openRelay({ port: 0 });
  const { addr: { port }, roomName } = relay;
  const options = {
    hostname: "0.0.0.0",
    publicNames: [],
    web: {},
    allow: undefined,
    invited: false,
  };
  const pageOf = (tls: boolean, ...addresses: string[]) => {
    const server = { addr: relay.addr, roomName, tls } as typeof relay;
    return guestPlace(options, server, addresses).page;
  };
  assertEquals(pageOf(false), { scheme: "http", hostname: "localhost", port });
  // An undefined host becomes HOST in the link, as in that for a terminal.
  assertEquals(pageOf(true), { scheme: "https", hostname: undefined, port });
  assertEquals(pageOf(true, "192.0.2.7"), { scheme: "https", hostname: "192.0.2.7", port });
});
