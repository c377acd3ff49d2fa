/**
 * What a relay's listener says to browsers, and to others that come to its port, over a link whose other side the test
 * plays.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import { type Bytes, utf8 } from "../../../lib/base/bytes.ts";
import type { DuplexLink, Link, LinkReceiver } from "../../../lib/chat/link.ts";
import type { RelayEvent } from "../../../lib/chat/relay/options.ts";
import { Relay } from "../../../lib/chat/relay/relay.ts";
import { serveLink } from "../../../lib/chat/runtime/relay_host.ts";
import { WebSite, type WebSiteOptions } from "../../../lib/chat/runtime/web_server.ts";
import {
  CLOSE,
  closing,
  framesFor,
  type FrameShape,
  PING,
  PONG,
  readFrames,
  TEXT,
} from "../../net/websocket_frames.ts";
import { until } from "../room.ts";

const PAGE = "<!doctype html><style>p{color:red}</style><p>hi</p><script>let a = 1;</script>" +
  "<script>let b = 2;</script>";

const OPTIONS: WebSiteOptions = { page: PAGE, names: [], origins: [] };

/** The connection below a link of the relay. The test sends and reads. */
class Wire implements DuplexLink {
  waiting = 0;
  state: "open" | "half" | "ended" | "closed" = "open";
  receiver: LinkReceiver | undefined;
  #sent: Bytes[] = [];

  open(receiver: LinkReceiver): void {
    this.receiver = receiver;
  }

  send(bytes: Bytes): void {
    assertEquals(this.state, "open");
    this.#sent.push(bytes);
  }

  end(): void {
    if (this.state !== "closed") this.state = "ended";
  }

  endWriting(): void {
    this.state = "half";
  }

  close(): void {
    this.state = "closed";
  }

  /** Returns what was sent since the last call. */
  read(): Bytes {
    return concat(this.#sent.splice(0));
  }

  text(): string {
    return new TextDecoder().decode(this.read());
  }
}

/** A connection to a site: its wire, the relay's link, and what the relay received. */
interface Visit {
  readonly wire: Wire;
  readonly link: Link;
  readonly received: Bytes[];
  readonly details: (string | undefined)[];
  /** What the relay waits for before it reads on. */
  pause: Promise<void> | undefined;
  say(what: string | Bytes): Promise<void> | undefined;
}

function connect(site: WebSite, isSecure = false): Visit {
  const wire = new Wire();
  const visit: Visit = {
    wire,
    link: site.wrap(wire, isSecure),
    received: [],
    details: [],
    pause: undefined,
    say: (what) => wire.receiver!.receive(typeof what === "string" ? utf8(what) : what.slice()),
  };
  visit.link.open({
    receive: (bytes) => {
      visit.received.push(bytes.slice());
      return visit.pause;
    },
    disconnected: (detail) => visit.details.push(detail),
  });
  return visit;
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const UPGRADE = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n`;

function get(path: string, fields = "", host = "127.0.0.1:4396"): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
}

/** Sends a request to a new connection and returns the response. */
async function ask(
  site: WebSite,
  request: string,
  isSecure = false,
): Promise<[status: number, text: string]> {
  const { wire, say } = connect(site, isSecure);
  await say(request);
  const text = wire.text();
  return [Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]), text];
}

/** Opens a WebSocket on a new connection. */
async function upgrade(site: WebSite, rest: Bytes = new Uint8Array(0)): Promise<Visit> {
  const visit = connect(site);
  await visit.say(concat([utf8(get("/chat", UPGRADE)), rest]));
  assertMatch(visit.wire.text(), /^HTTP\/1\.1 101 /);
  return visit;
}

function client(...shapes: readonly FrameShape[]): Bytes {
  return framesFor("server", shapes);
}

async function hash(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))).toBase64();
}

Deno.test("the page comes with its hashes in its policy, and no other source of anything", async () => {
  const site = await WebSite.make(OPTIONS);
  const [status, text] = await ask(site, get("/"));
  assertEquals(status, 200);
  const [head = "", body] = text.split("\r\n\r\n");
  assertEquals(body, PAGE);
  const fields = new Map(
    head.split("\r\n").slice(1).map((line) => line.split(": ") as [string, string]),
  );
  assertEquals(fields.get("Content-Length"), String(PAGE.length));
  assertEquals(fields.get("Content-Type"), "text/html; charset=utf-8");
  assertEquals(fields.get("Connection"), "close");
  const policy = fields.get("Content-Security-Policy")!.split("; ").sort();
  assertEquals(policy, [
    "base-uri 'none'",
    "connect-src 'self' ws://127.0.0.1:4396 wss://127.0.0.1:4396",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src data:",
    "require-trusted-types-for 'script'",
    `script-src 'sha256-${await hash("let a = 1;")}' 'sha256-${await hash("let b = 2;")}'`,
    `style-src 'sha256-${await hash("p{color:red}")}'`,
    "trusted-types 'none'",
  ]);
  assertEquals(fields.get("Cache-Control"), "no-store");
  assertEquals(fields.get("Referrer-Policy"), "no-referrer");
  assertEquals(fields.get("X-Content-Type-Options"), "nosniff");
  assertEquals(fields.get("Cross-Origin-Opener-Policy"), "same-origin");
  assertEquals(fields.get("Cross-Origin-Resource-Policy"), "same-origin");
});

Deno.test("over TLS the page connects by wss alone; the host is the one of the request", async () => {
  const site = await WebSite.make({ ...OPTIONS, names: ["chat.example"] });
  const [, text] = await ask(site, get("/", "", "CHAT.example:8443"), true);
  assertMatch(text, /connect-src 'self' wss:\/\/chat\.example:8443\r\n/);
});

Deno.test("a page without scripts and styles admits none", async () => {
  const site = await WebSite.make({ ...OPTIONS, page: "<p>hi</p>" });
  const [, text] = await ask(site, get("/"));
  assertMatch(text, /script-src 'none'; style-src 'none';/);
});

/** Asks for the page with what a client can read. Returns its coding, and its bytes. */
function askCoded(site: WebSite, accepts: string): [string | undefined, Bytes] {
  const { wire, say } = connect(site);
  say(get("/", `Accept-Encoding: ${accepts}\r\n`));
  const bytes = wire.read();
  const end = new TextDecoder().decode(bytes).indexOf("\r\n\r\n") + 4;
  const head = new TextDecoder().decode(bytes.subarray(0, end));
  return [/Content-Encoding: (.*)\r\n/.exec(head)?.[1], bytes.slice(end)];
}

async function decoded(bytes: Bytes, format: CompressionFormat): Promise<string> {
  const body = new Response(bytes).body!.pipeThrough(new DecompressionStream(format));
  return await new Response(body).text();
}

Deno.test("the page comes compressed to those who say that they can read that", async () => {
  const site = await WebSite.make(OPTIONS);
  const [coding, bytes] = askCoded(site, "br, gzip");
  assertEquals([coding, await decoded(bytes, "gzip")], ["gzip", PAGE]);
  const digest = await crypto.subtle.digest("SHA-256", utf8(PAGE));
  assertEquals(site.sha256, new Uint8Array(digest).toHex());
});

Deno.test("a page that is compressed by Brotli comes so to those who can read that", async () => {
  const body = new Response(PAGE).body!.pipeThrough(new CompressionStream("brotli"));
  const site = await WebSite.make({ ...OPTIONS, brotli: await new Response(body).bytes() });
  const [coding, bytes] = askCoded(site, "gzip, deflate, br");
  assertEquals([coding, await decoded(bytes, "brotli")], ["br", PAGE]);
  const [other, zipped] = askCoded(site, "gzip, deflate, br;q=0");
  assertEquals([other, await decoded(zipped, "gzip")], ["gzip", PAGE]);
  assertEquals(askCoded(site, "identity"), [undefined, utf8(PAGE)]);
});

Deno.test("HEAD gets the head alone", async () => {
  const site = await WebSite.make(OPTIONS);
  const [status, text] = await ask(site, get("/").replace("GET", "HEAD"));
  assertEquals([status, text.split("\r\n\r\n")[1]], [200, ""]);
  assertMatch(text, new RegExp(`Content-Length: ${PAGE.length}\r\n`));
});

Deno.test("the page is at / and at /ROOM, and nowhere else", async () => {
  const site = await WebSite.make(OPTIONS);
  for (const path of ["/", "/garden", "/?x", "/garden?x=1", "/%CE%BA", "/chat", "/e%CC%81"]) {
    assertEquals((await ask(site, get(path)))[0], 200, path);
  }
  const wrong = [
    "/a/b",
    "/garden/",
    "//",
    "/%2F",
    "/%20",
    "/%00",
    "/%FF",
    "/%",
    `/${"a".repeat(65)}`,
  ];
  for (const path of [...wrong, "/../x"]) {
    const [status, text] = await ask(site, get(path));
    assertEquals(status, 404, path);
    assertMatch(
      text,
      /the page is at \/ and at \/ROOM; a room's name has at most 64 bytes, no space, /,
    );
  }
});

Deno.test("each wrong request has its status and one line of text", async () => {
  const site = await WebSite.make(OPTIONS);
  const cases: [number, string][] = [
    [400, "GET / HTTP/1.1\r\n\r\n"],
    [400, "G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    [400, get("/chat", UPGRADE.replace("Connection", "X-Connection"))],
    [400, get("/chat", UPGRADE.replace(KEY, "AAAA"))],
    [400, get("/chat", `${UPGRADE}Content-Length: 5\r\n`) + "hello"],
    [400, get("/chat", `${UPGRADE}Content-Length: 0\r\nContent-Length: 5\r\n`) + "hello"],
    [400, get("/chat", `${UPGRADE}Transfer-Encoding: chunked\r\n`) + "5\r\nhello\r\n0\r\n\r\n"],
    [400, get("/chat", UPGRADE).replace("HTTP/1.1", "HTTP/1.0")],
    [400, get("/chat", UPGRADE).replace("GET", "HEAD")],
    [404, get("/other/path")],
    [404, get("/garden", UPGRADE)],
    [405, get("/").replace("GET", "POST")],
    [405, get("/").replace("GET", "OPTIONS")],
    [421, get("/", "", "evil.example")],
    [426, get("/chat", UPGRADE.replace("Version: 13", "Version: 8"))],
    [431, get("/", `X: ${"x".repeat(9000)}\r\n`)],
    [431, get("/", "a:\n".repeat(2_700))],
    [505, get("/").replace("HTTP/1.1", "HTTP/2.0")],
  ];
  for (const [status, request] of cases) {
    const visit = connect(site);
    await visit.say(request);
    const text = visit.wire.text();
    assertMatch(text, new RegExp(`^HTTP/1\\.1 ${status} `), request);
    assertMatch(text, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    const [, body = ""] = text.split("\r\n\r\n");
    assertMatch(body, /^[ -~]+\n$/);
    assertEquals([visit.received, visit.wire.state], [[], "half"]);
    // Whoever runs the relay sees why.
    visit.wire.receiver!.disconnected();
    assertEquals(visit.details, [`HTTP ${status}: ${body.trim()}`]);
  }
});

Deno.test("a page that was sent does not count as a refusal, and the relay gets no reason", async () => {
  const visit = connect(await WebSite.make(OPTIONS));
  visit.say(get("/"));
  visit.wire.receiver!.disconnected();
  assertEquals(visit.details, [undefined]);
});

Deno.test("a request may name an address, localhost, or a name that the server knows", async () => {
  const names = ["chat.example", "*.wild.example"];
  const site = await WebSite.make({ ...OPTIONS, names });
  const own = [
    "192.0.2.7",
    "192.0.2.7:4396",
    "[2001:db8::1]",
    "[::1]:80",
    "localhost",
    "LOCALHOST:1",
  ];
  for (const host of [...own, "chat.example", "Chat.Example.:443", "a.wild.example"]) {
    assertEquals((await ask(site, get("/", "", host)))[0], 200, host);
    assertEquals((await ask(site, get("/chat", UPGRADE, host)))[0], 101, host);
  }
  const others = [
    "evil.example",
    "chat.example.evil",
    "wild.example",
    "a.b.wild.example",
    "",
    "a b",
  ];
  for (const host of [...others, "chat.example@evil.example", "localhost.evil.example"]) {
    assertEquals((await ask(site, get("/", "", host)))[0], 421, host);
    assertEquals((await ask(site, get("/chat", UPGRADE, host)))[0], 421, host);
  }
});

Deno.test("a WebSocket opens for the page's own origin and for those that were admitted", async () => {
  const site = await WebSite.make({ ...OPTIONS, names: ["chat.example"] });
  // The site, over TLS.
  const secure = Symbol("secure");
  const origins = ["https://page.example", "null", "chrome-extension://abcd"];
  const open = await WebSite.make({ ...OPTIONS, names: ["chat.example"], origins });
  const tries: [
    site: WebSite | typeof secure,
    host: string,
    origin: string | undefined,
    status: number,
  ][] = [
    [site, "chat.example:4396", "http://chat.example:4396", 101],
    [site, "127.0.0.1:4396", "http://127.0.0.1:4396", 101],
    [site, "[::1]:4396", "http://[::1]:4396", 101],
    // A proxy with TLS is in front.
    [site, "chat.example", "https://chat.example", 101],
    [site, "chat.example:443", "https://chat.example", 101],
    [site, "chat.example", "http://chat.example", 101],
    // No browser: nobody acts on behalf of a page.
    [site, "chat.example", undefined, 101],
    [secure, "chat.example:4396", "https://chat.example:4396", 101],
    [secure, "chat.example:4396", "http://chat.example:4396", 403],
    [site, "chat.example:4396", "http://chat.example", 403],
    [site, "chat.example:4396", "http://chat.example:4397", 403],
    [site, "127.0.0.1:4396", "http://localhost:4396", 403],
    [site, "chat.example", "https://evil.example", 403],
    [site, "chat.example", "https://chat.example.evil.example", 403],
    [site, "chat.example", "null", 403],
    [site, "chat.example", "", 403],
    [site, "chat.example", "nonsense", 403],
    [site, "chat.example", "ftp://chat.example", 403],
    [site, "chat.example", "https://chat.example/", 403],
    [site, "chat.example", "https://evil@chat.example", 403],
    [site, "chat.example", "https://chat.example\r\nOrigin: https://chat.example", 403],
    [open, "chat.example", "https://page.example", 101],
    [open, "chat.example", "null", 101],
    [open, "chat.example", "chrome-extension://abcd", 101],
    [open, "chat.example", "https://chat.example", 101],
    [open, "chat.example", "http://page.example", 403],
    [open, "chat.example", "https://other.example", 403],
  ];
  for (const [on, host, origin, status] of tries) {
    const field = origin === undefined ? "" : `Origin: ${origin}\r\n`;
    const request = get("/chat", UPGRADE + field, host);
    const [answer] = on === secure ? await ask(site, request, true) : await ask(on, request);
    assertEquals(answer, status, `${host} ${origin}`);
  }
});

Deno.test("at most 64 KiB after a response are read and dropped", async () => {
  const visit = connect(await WebSite.make(OPTIONS));
  visit.say(get("/").replace("GET", "POST") + "x".repeat(1000));
  visit.say("y".repeat(64 << 10));
  assertEquals(visit.wire.state, "half");
  visit.say("z");
  assertEquals([visit.wire.state, visit.received], ["closed", []]);
});

Deno.test("a client that sends its request too late gets an error before the connection ends", async () => {
  const visit = connect(await WebSite.make(OPTIONS));
  visit.say("GET / HTTP/1.1\r\nHost: loc");
  visit.link.send(utf8("a bye"));
  visit.link.end();
  assertMatch(visit.wire.text(), /^HTTP\/1\.1 408 .*\n$/s);
  assertEquals(visit.wire.state, "half");
  visit.link.end();
  assertEquals(visit.wire.state, "closed");
});

Deno.test("whatever does not begin like HTTP is the chat's own protocol, byte for byte", async () => {
  const visit = connect(await WebSite.make(OPTIONS));
  visit.say("p");
  visit.say("arley");
  visit.link.send(utf8("GET back"));
  assertEquals([visit.received, visit.wire.text()], [[utf8("p"), utf8("arley")], "GET back"]);
  visit.pause = Promise.resolve();
  assertEquals(visit.say("more"), visit.pause);
  visit.link.end();
  assertEquals(visit.wire.state, "ended");
});

Deno.test("a connection that is refused at once hears it in its own protocol", async () => {
  const site = await WebSite.make(OPTIONS);
  const refuse = () => {
    const visit = connect(site);
    visit.link.send(utf8("a bye"));
    visit.link.end();
    assertEquals([visit.wire.text(), visit.wire.state], ["", "open"]);
    return visit;
  };
  const raw = refuse();
  raw.say("parley");
  assertEquals([raw.wire.text(), raw.wire.state, raw.received], ["a bye", "ended", []]);
  const browser = refuse();
  browser.say(get("/"));
  assertMatch(browser.wire.text(), /^HTTP\/1\.1 503 .*too many connections; try again later\n$/s);
  assertEquals([browser.wire.state, browser.received], ["half", []]);
});

Deno.test("at most 64 refused connections stay open for a moment", async () => {
  const site = await WebSite.make(OPTIONS);
  const visits = Array.from({ length: 65 }, () => {
    const visit = connect(site);
    visit.link.send(utf8("a bye"));
    visit.link.end();
    return visit;
  });
  assertEquals(visits.filter(({ wire }) => wire.state === "open").length, 64);
  const last = visits.at(-1)!;
  assertEquals([last.wire.text(), last.wire.state], ["a bye", "ended"]);
  visits[0]!.wire.receiver!.disconnected();
  const next = connect(site);
  next.link.end();
  assertEquals(next.wire.state, "open");
});

Deno.test("a WebSocket answers with the key's hash and carries bytes both ways", async () => {
  const site = await WebSite.make(OPTIONS);
  const visit = connect(site);
  visit.link.send(utf8("too early to be heard"));
  await visit.say(concat([utf8(get("/chat", UPGRADE)), client({ payload: utf8("parley") })]));
  assertMatch(visit.wire.text(), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  visit.say(client({ payload: utf8(" one"), fin: false }, { opcode: 0, payload: utf8(" two") }));
  assertEquals(visit.received, [utf8("parley"), utf8(" one two")]);
  visit.link.send(utf8("down"));
  visit.link.send(new Uint8Array(70_000));
  const frames = readFrames(visit.wire.read());
  assertEquals(
    frames.map(({ opcode, fin, masked, payload }) => [opcode, fin, masked, payload.length]),
    [
      [2, true, false, 4],
      [2, true, false, 70_000],
    ],
  );
});

Deno.test("the relay's pause holds a WebSocket's connection up", async () => {
  const visit = await upgrade(await WebSite.make(OPTIONS));
  const { promise, resolve } = Promise.withResolvers<void>();
  visit.pause = promise;
  assertEquals(visit.say(client({ payload: utf8("x") })), promise);
  resolve();
  visit.pause = undefined;
  assertEquals(visit.say(client({ payload: utf8("x") })), undefined);
});

Deno.test("pings are answered; while much waits to be sent, only the newest is", async () => {
  const visit = await upgrade(await WebSite.make(OPTIONS));
  const ping = (text: string) => client({ opcode: PING, payload: utf8(text) });
  visit.say(concat([ping("one"), ping("two")]));
  const pongs = () => readFrames(visit.wire.read()).map(({ opcode, payload }) => [opcode, payload]);
  assertEquals(pongs(), [[PONG, utf8("one")], [PONG, utf8("two")]]);
  visit.wire.waiting = 65 << 10;
  for (let i = 0; i < 1000; i++) visit.say(ping(`${i}`));
  assertEquals(pongs(), []);
  visit.wire.waiting = 0;
  visit.link.send(utf8("data"));
  assertEquals(pongs(), [[PONG, utf8("999")], [2, utf8("data")]]);
});

Deno.test("a peer that sends too many frames is read more slowly, whatever they are", async () => {
  for (const shape of [{ opcode: PING }, { opcode: PONG }, { payload: new Uint8Array(0) }]) {
    const visit = await upgrade(await WebSite.make(OPTIONS));
    const thousand = client(...Array.from({ length: 1000 }, () => shape));
    let calls = 0;
    let pause = visit.say(thousand);
    for (; pause === undefined && calls < 100; calls++) pause = visit.say(thousand);
    assert(pause !== undefined && calls >= 7, `${calls} thousand frames were read`);
    // The end of the connection ends the pause.
    visit.wire.receiver!.disconnected();
    await pause;
  }
});

Deno.test("a close frame is answered with its code, and the connection ends", async () => {
  const visit = await upgrade(await WebSite.make(OPTIONS));
  visit.say(client({ payload: utf8("last") }, { opcode: CLOSE, payload: closing(4000, "why") }));
  const [close] = readFrames(visit.wire.read());
  assertEquals([close?.opcode, close?.payload], [CLOSE, closing(4000)]);
  assertEquals([visit.received, visit.wire.state], [[utf8("last")], "ended"]);
});

Deno.test("a fault is answered with its code, and the rest is not read", async () => {
  const visit = await upgrade(await WebSite.make(OPTIONS));
  visit.say(client({ payload: utf8("good") }, { opcode: TEXT, payload: utf8("bad") }));
  const [close] = readFrames(visit.wire.read());
  const reason = "a text message; only binary ones are accepted";
  assertEquals([close?.opcode, close?.payload], [CLOSE, closing(1003, reason)]);
  assertEquals([visit.received, visit.wire.state], [[utf8("good")], "half"]);
  visit.say(client({ payload: utf8("more") }));
  assertEquals(visit.received, [utf8("good")]);
  await until(() => visit.wire.state === "closed", "it is closed");
  visit.wire.receiver!.disconnected();
  assertEquals(visit.details, [`WebSocket: ${reason}`]);
});

Deno.test("the relay's end of a WebSocket is a close frame, and the peer's answer ends the connection", async () => {
  const visit = await upgrade(await WebSite.make(OPTIONS));
  visit.link.send(utf8("a bye"));
  visit.link.end();
  visit.link.send(utf8("too late"));
  const frames = readFrames(visit.wire.read()).map(({ opcode, payload }) => [opcode, payload]);
  assertEquals(frames, [[2, utf8("a bye")], [CLOSE, closing(1000)]]);
  assertEquals(visit.wire.state, "open");
  visit.say(client({ payload: utf8("crossing") }, { opcode: CLOSE, payload: closing(1000) }));
  assertEquals([visit.received, visit.wire.read().length, visit.wire.state], [[], 0, "ended"]);
});

Deno.test("at most 64 ended WebSockets wait for the peer's close frame", async () => {
  const site = await WebSite.make(OPTIONS);
  const visits: Visit[] = [];
  for (let i = 0; i < 65; i++) visits.push(await upgrade(site));
  for (const { link } of visits) link.end();
  assertEquals(visits.filter(({ wire }) => wire.state === "open").length, 64);
  assertEquals(visits.at(-1)!.wire.state, "ended");
});

Deno.test("a relay gives a request 10 seconds, and a WebSocket that does not join as long", async () => {
  const site = await WebSite.make(OPTIONS);
  let now = 0;
  const events: RelayEvent[] = [];
  const relay = new Relay({ monotonic: () => now, event: (event) => events.push(event) });
  const arrive = () => {
    const wire = new Wire();
    serveLink(relay, { link: site.wrap(wire, false), from: { hostname: "192.0.2.1", port: 1 } });
    return wire;
  };
  const [head, socket, page, silent] = [arrive(), arrive(), arrive(), arrive()];
  head.receiver!.receive(utf8("GET / HTTP/1.1\r\n"));
  await socket.receiver!.receive(utf8(get("/chat", UPGRADE)));
  page.receiver!.receive(utf8(get("/")));
  socket.read();
  page.read();
  now = 9_999;
  relay.tick();
  assertEquals([relay.pending, head.text(), socket.read().length], [4, "", 0]);
  now = 10_000;
  // What comes meanwhile does not extend it.
  head.receiver!.receive(utf8("Host: localhost\r\n"));
  relay.tick();
  assertEquals([relay.pending, relay.connections], [0, 0]);
  assertMatch(head.text(), /^HTTP\/1\.1 408 /);
  const [bye, close] = readFrames(socket.read());
  assertEquals([bye?.opcode, close?.opcode, close?.payload], [2, CLOSE, closing(1000)]);
  // Whoever does not take the page is not waited for, and the silent one is not told before it has said a byte.
  assertEquals([page.state, silent.state, silent.read().length], ["closed", "open", 0]);
  for (const wire of [head, socket, page, silent]) wire.receiver!.disconnected();
  assertEquals(events.flatMap((event) => event.kind === "refused" ? [event.reason] : []), [
    ...Array.from({ length: 4 }, () => "JOIN_TIMEOUT"),
  ]);
});
