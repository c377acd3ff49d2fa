/**
 * Members that join by WebSocket, over real connections: with this program's client and the runtime's, through a
 * relay of this program and a server of the runtime's.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat, utf8 } from "../../../lib/base/bytes.ts";
import { dialWebSocket, webDial } from "../../../lib/chat/runtime/web.ts";
import { WebSite } from "../../../lib/chat/runtime/web_server.ts";
import {
  type Dial,
  Failure,
  joinRoom,
  type Link,
  type MemberEvent,
  openRelay,
  type RelayServer,
} from "../../../lib/tcp_chat.ts";
import { acceptFor } from "../../../lib/net/websocket.ts";
import { framesFor } from "../../net/websocket_frames.ts";
import { type Guest, guestCredential, leave, say, texts, visit } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";

const HOSTNAME = "127.0.0.1";
const NEVER = new AbortController().signal;

async function webRelay(): Promise<RelayServer> {
  const site = await WebSite.make({ page: "<p>hi</p>", names: [], origins: [] });
  return openRelay({ port: 0, wrap: site.wrap });
}

function to(port: number, path = "/chat") {
  return { hostname: HOSTNAME, port, path };
}

async function join(port: number, name: string, index: number, dial: Dial): Promise<Guest> {
  const events: MemberEvent[] = [];
  const self = await guestCredential(name, index);
  const event = (event: MemberEvent) => events.push(event);
  const session = await joinRoom({ hostname: HOSTNAME, port, self, dial, event });
  await until(() => events.some(({ kind }) => kind === "ready" || kind === "ended"), "it is in");
  return { session, events };
}

/** A link over the runtime's own WebSocket, as a page has it. `split` cuts what is sent into messages. */
function runtimeLink(socket: WebSocket, split = Infinity): Link {
  return {
    get waiting() {
      return socket.bufferedAmount;
    },
    open: (receiver) => {
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => void receiver.receive(new Uint8Array(data));
      socket.onclose = () => receiver.disconnected();
    },
    send: (bytes) => {
      for (let at = 0; at < bytes.length; at += split) socket.send(bytes.subarray(at, at + split));
    },
    end: () => socket.close(),
    close: () => socket.close(),
  };
}

function runtimeDial(port: number, split?: number): Dial {
  return async () => {
    const socket = new WebSocket(`ws://${HOSTNAME}:${port}/chat`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      // A session tries again after a failure, and ends by any other error.
      socket.onerror = () =>
        reject(new Failure({ what: "cannot connect", why: "refused", code: "ECONNREFUSED" }));
    });
    return runtimeLink(socket, split);
  };
}

/** Reads the first so many bytes that a link brings. */
function collect(link: Link, count: number): Promise<number[]> {
  const all: number[] = [];
  return new Promise((resolve, reject) => {
    link.open({
      receive: (bytes) => {
        all.push(...bytes);
        if (all.length >= count) resolve(all);
        return undefined;
      },
      disconnected: (detail) => reject(new Error(detail ?? "it ended")),
    });
  });
}

Deno.test("members over TCP, over WebSocket and over the runtime's WebSocket talk in one room", async () => {
  await using relay = await webRelay();
  const { port } = relay.addr;
  const ada = await visit(port, "ada", 0);
  const bo = await join(port, "bo", 1, webDial(to(port)));
  const cy = await join(port, "cy", 2, runtimeDial(port));
  const di = await join(port, "di", 3, runtimeDial(port, 50));
  const all = [ada, bo, cy, di];
  for (const one of all) await until(() => one.session.members().length === 4, "four are in");
  const long = "x".repeat(60_000);
  for (const [i, from] of all.entries()) {
    for (const one of all.filter((other) => other !== from)) await say(from, one, `${i} says`);
    await say(from, all[(i + 1) % 4]!, `${i} ${long}`);
  }
  for (const one of all) await until(() => new Set(texts(one)).size === 6, "all was said to all");
  assertEquals(relay.state().tally.failures, 0);
  await leave(...all);
  await until(() => relay.state().connections === 0, "every link has ended");
});

Deno.test("a member whose WebSocket breaks dials again and resumes", async () => {
  await using relay = await webRelay();
  const { port } = relay.addr;
  const links: Link[] = [];
  const dial: Dial = async (signal) => {
    const link = await dialWebSocket(to(port), signal);
    links.push(link);
    return link;
  };
  const ada = await join(port, "ada", 0, dial);
  const bo = await visit(port, "bo", 1);
  await until(() => ada.session.members().length === 2, "ada sees bo");
  links[0]!.close();
  assert(ada.session.send("while away").ok);
  await until(() => texts(bo).includes("while away"), "what waited has come");
  assertEquals(links.length, 2);
  assert(ada.events.some(({ kind }) => kind === "reconnected"));
  await leave(ada, bo);
});

Deno.test("a relay that closes says bye in a message, and then closes the WebSocket", async () => {
  const relay = await webRelay();
  const ada = await join(relay.addr.port, "ada", 0, runtimeDial(relay.addr.port));
  const socket = new WebSocket(`ws://${HOSTNAME}:${relay.addr.port}/chat`);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = resolve);
  await relay.close();
  const { code, wasClean } = await closed;
  assertEquals([code, wasClean], [1000, true]);
  await until(() => ada.events.some(({ kind }) => kind === "disconnected"), "ada is told");
  const lost = ada.events.find((event) => event.kind === "disconnected");
  assertEquals(lost?.kind === "disconnected" && lost.reason, "SHUTDOWN");
  ada.session.close();
  await ada.session.ended;
});

Deno.test("a text message closes the runtime's WebSocket with 1003", async () => {
  await using relay = await webRelay();
  const socket = new WebSocket(`ws://${HOSTNAME}:${relay.addr.port}/chat`);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send("hello");
  assertEquals((await closed).code, 1003);
  await until(() => relay.state().connections === 0, "the connection has ended");
});

Deno.test("requests and WebSockets count as connections from their first moment", async () => {
  await using relay = await webRelay();
  const { port } = relay.addr;
  using _silent = await RawSocket.dial(port);
  using slow = await RawSocket.dial(port);
  await slow.send(utf8("GET / HT"));
  const socket = new WebSocket(`ws://${HOSTNAME}:${port}/chat`);
  await new Promise((resolve) => socket.onopen = resolve);
  assertEquals([relay.state().connections, relay.state().pending], [3, 3]);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  await until(() => relay.state().pending === 2, "the WebSocket has gone");
  assertEquals((await fetch(`http://${HOSTNAME}:${port}/`)).headers.get("connection"), "close");
});

Deno.test("this client opens a WebSocket of the runtime's server, whatever size its messages have", async () => {
  const server = Deno.serve({ hostname: HOSTNAME, port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const link = await dialWebSocket(to(server.addr.port, "/any/path"), NEVER);
  const sizes = [1, 125, 126, 65_535, 65_536, 200_000];
  const sent = sizes.map((size) => new Uint8Array(size).map((_, i) => i % 251));
  const count = sizes.reduce((sum, size) => sum + size);
  const received = collect(link, count);
  for (const bytes of sent) link.send(bytes);
  assertEquals(await received, sent.flatMap((bytes) => [...bytes]));
  link.end();
  await server.shutdown();
});

Deno.test("a server's close frame ends the link", async () => {
  const server = Deno.serve({ hostname: HOSTNAME, port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = () => socket.close(4000, "enough");
    return response;
  });
  const link = await dialWebSocket(to(server.addr.port), NEVER);
  const ended = new Promise((resolve) =>
    link.open({ receive: () => undefined, disconnected: resolve })
  );
  link.send(new Uint8Array(1));
  assertEquals(await ended, undefined);
  await server.shutdown();
});

/** A server that says something to whoever connects, and ends. */
async function failing(answer: string): Promise<Failure> {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    await conn.write(utf8(answer));
  })();
  const port = (listener.addr as Deno.NetAddr).port;
  const failure = await assertRejects(() => dialWebSocket(to(port), NEVER), Failure);
  await serving;
  assertStringIncludes(failure.what, `cannot open ws://127.0.0.1:${port}/chat`);
  return failure;
}

Deno.test("a server that does not open a WebSocket is a failure that says what it answered", async () => {
  const text = "Content-Type: text/plain\r\nContent-Length: 8\r\n\r\nno\x1b[2Jx\n";
  const cases: [answer: string, code: string, why: string][] = [
    ["", "NOT_HTTP", "the other side closed the connection without an answer"],
    ["SSH-2.0-x\r\n\r\n", "NOT_HTTP", "the other side does not speak HTTP"],
    ["x".repeat(20_000), "NOT_HTTP", "the other side does not speak HTTP"],
    [
      `HTTP/1.1 403 Forbidden\r\n${text}`,
      "WEBSOCKET_REFUSED",
      "the server answered 403 Forbidden: no␛[2Jx",
    ],
    ["HTTP/1.1 200 OK\r\n\r\n", "WEBSOCKET_REFUSED", "the server answered 200 OK"],
    [
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      "WEBSOCKET_REFUSED",
      "the server's answer does not open a WebSocket",
    ],
  ];
  for (const [answer, code, why] of cases) {
    const failure = await failing(answer);
    assertEquals([failure.code, failure.why], [code, why]);
  }
  const moved = await failing("HTTP/1.1 301 Moved\r\nLocation: https://b.example/\r\n\r\n");
  assertEquals(moved.hint, "the server names https://b.example/ instead");
});

Deno.test("a relay without a site tells a WebSocket client that it speaks no HTTP", async () => {
  await using relay = openRelay({ port: 0 });
  const dial = () => dialWebSocket(to(relay.addr.port), NEVER);
  const { code, hint = "" } = await assertRejects(dial, Failure);
  assertEquals(code, "NOT_HTTP");
  assertStringIncludes(hint, "whether the relay serves WebSocket");
});

Deno.test("an attempt that is no longer wanted ends with its signal's reason", async () => {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const wanted = new AbortController();
  const dialling = dialWebSocket(to((listener.addr as Deno.NetAddr).port), wanted.signal);
  using _conn = await listener.accept();
  const reason = new Error("no longer wanted");
  wanted.abort(reason);
  assertEquals(await assertRejects(() => dialling), reason);
});

Deno.test("bytes sent right after the server's handshake are delivered in order", async () => {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const request = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
    const [, key = ""] = /Sec-WebSocket-Key: (\S+)/.exec(request) ?? [];
    const head = "HTTP/1.1 101 OK\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n" +
      `Sec-WebSocket-Accept: ${await acceptFor(key)}\r\n\r\n`;
    const frames = [{ payload: utf8("one ") }, { payload: utf8("two") }];
    await conn.write(concat([utf8(head), framesFor("client", frames)]));
    await conn.write(framesFor("client", [{ payload: utf8(" three") }]));
  })();
  const link = await dialWebSocket(to((listener.addr as Deno.NetAddr).port), NEVER);
  assertEquals(new Uint8Array(await collect(link, 13)), utf8("one two three"));
  link.close();
  await serving;
});
