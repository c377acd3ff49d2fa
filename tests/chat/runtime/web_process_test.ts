// needs: net run=deno,openssl,curl read=tests/scratch write=tests/scratch (about 60 s)

/**
 * `chat server --web` and `chat page` as processes: what a start says, TLS and names, other programs' requests, and a
 * crowd of WebSockets.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { BROTLI_PAGE, readPage } from "../../../lib/chat/web/page.ts";
import { sha256, utf8 } from "../../../lib/base/bytes.ts";
import { encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { granted } from "../../fixtures/granted.ts";
import { HAS_OPENSSL } from "../../fixtures/openssl.ts";
import { parley, ROOT } from "../../fixtures/parley.ts";
import { MAY_WRITE, Scratch } from "../../fixtures/scratch.ts";
import { openRelay, serveWeb } from "../../../lib/tcp_chat.ts";
import { Certificates } from "../../net/certificates.ts";
import { ChatProcess, startClient, startServer } from "../app/chat_process.ts";
import { guestCredential } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";
import { WebBridge } from "../web_bridge.ts";

const PAGE = await readPage();

const ignore = !granted("run=deno");
const FILES = ["--allow-net", "--allow-read", "--allow-write"];

const HAS_CURL = granted("run=curl") && await new Deno.Command("curl", { args: ["--version"] })
  .output().then(({ success }) => success, () => false);

async function hashOf(text: string): Promise<string> {
  return (await sha256(utf8(text))).toHex();
}

/** Sends a request on a new connection and returns the response. */
async function ask(port: number, request: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(utf8(request));
  return await new Response(conn.readable).text();
}

Deno.test({
  name: "a server with --web says where its page is and what it hashes to, in text and in JSON",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only", "--room", "garden");
    await using _server = server;
    const { web } = await server.event("listening");
    assertEquals(web, { url: `http://${address}/garden`, sha256: await hashOf(PAGE) });
    const plain = await fetch(`http://${address}/garden`);
    assertEquals([plain.status, await plain.text()], [200, PAGE]);
    await using person = new ChatProcess(["server", "--web", "--port", "0", "--name", "ada"]);
    await person.until((one) => one.lines.some((line) => line.includes("you are ada")), "it is in");
    const line = person.lines.find((line) => line.includes("or in a browser: "));
    const hash = await hashOf(PAGE);
    assertMatch(
      line ?? "",
      new RegExp(
        `or in a browser: http://127\\.0\\.0\\.1:\\d+/ \\(the page's SHA-256 is ${hash}\\)$`,
      ),
    );
    const { server: bare } = await startServer("--relay-only");
    await using _bare = bare;
    assertEquals((await bare.event("listening")).web, undefined);
  },
});

Deno.test({
  name: "the task chat-web opens a room with the page, by the network alone and without a build",
  ignore,
  async fn() {
    const [program, ...words] = config.tasks["chat-web"].command.replace("$TERM", "dumb").split(
      " ",
    );
    assertEquals([program, words[0], ...words.slice(-3)], [
      "deno",
      "run",
      "chat",
      "server",
      "--web",
    ]);
    assertEquals(words.filter((word) => /^-[A-Z]|^--(allow|deny)/.test(word)), ["--allow-net"]);
    const args = [...words, "--port", "0", "--name", "ada"];
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    await using ada = new ChatProcess(new Deno.Command(program!, { args, cwd: ROOT, ...pipes }));
    const says = (text: string) =>
      ada.until(({ lines }) => lines.some((line) => line.includes(text)), text);
    await says("or in a browser: ");
    const [, url = ""] = /or in a browser: (http:\S+) /.exec(ada.lines.join("\n")) ?? [];
    assertEquals(await (await fetch(url)).text(), PAGE);
    await using bo = await startClient(url, "bo", "--listen");
    await says("bo joined");
    await ada.type("by a task\n");
    assertEquals((await bo.event("message")).text, "by a task");
    assertEquals(ada.errors, []);
  },
});

Deno.test({
  name: "clients join by the page's URL and by the WebSocket's, and meet one that joins by TCP",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only", "--room", "garden");
    await using _server = server;
    await using ada = await startClient(`http://${address}/garden`, "ada", "--listen");
    await using bo = await startClient(`ws://${address}/chat?room=garden`, "bo", "--listen");
    await using cy = await startClient(`${address}/garden`, "cy", "--listen");
    for (const one of [ada, bo, cy]) {
      await one.until((process) => process.all("joined").length === 3, "all three are there");
    }
    for (const one of [ada, bo, cy]) await one.type("hello\n");
    for (const one of [ada, bo, cy]) {
      await one.until((process) => process.all("message").length === 2, "both others are heard");
    }
  },
});

Deno.test({
  name: "a wrong Host and a page of another origin are refused, and the log says why",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only", "--log-level", "debug");
    await using _server = server;
    const port = Number(address.split(":")[1]);
    const wrongHost = await ask(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assertMatch(wrongHost, /^HTTP\/1\.1 421 /);
    const upgrade = (origin: string) =>
      `GET /chat HTTP/1.1\r\nHost: ${address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
      `Origin: ${origin}\r\n\r\n`;
    assertMatch(await ask(port, upgrade("https://evil.example")), /^HTTP\/1\.1 403 /);
    assertMatch(await ask(port, upgrade("null")), /^HTTP\/1\.1 403 /);
    await server.until(
      (one) => one.errors.filter((line) => /detail="HTTP 4(21|03): /.test(line)).length === 3,
      "the log says so",
    );
    const { server: open } = await startServer("--web", "--relay-only", "--web-origin", "null");
    await using _open = open;
    const { port: openPort } = await open.event("listening");
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(openPort) });
    await conn.write(utf8(upgrade("null")));
    const buffer = new Uint8Array(4096);
    const answer = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
    assertMatch(answer, /^HTTP\/1\.1 101 /);
  },
});

Deno.test({
  name: "--web-page is named and admitted as host and origin, --web-origin is an origin alone",
  ignore: !granted("run=deno"),
  async fn() {
    const upgrade = (host: string) =>
      `GET /chat HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n` +
      `Origin: https://pages.example\r\n\r\n`;
    const place = "https://pages.example/";
    for (
      const [option, url, other] of [["page", place, 101], ["origin", undefined, 421]] as const
    ) {
      const options = ["--web", "--relay-only", `--web-${option}`, place];
      const { server, address } = await startServer(...options);
      await using _server = server;
      const { port, web } = await server.event("listening");
      assertEquals((web as { url: string }).url, url ?? `http://${address}/`, option);
      for (const [host, status] of [[address, 101], ["pages.example", other]] as const) {
        using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
        await conn.write(utf8(upgrade(host)));
        const buffer = new Uint8Array(4096);
        const answer = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
        assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${option} ${host}`);
      }
    }
  },
});

Deno.test({
  name: "over TLS the page and the WebSocket answer to the names of the certificate",
  ignore: !HAS_OPENSSL || !MAY_WRITE || !granted("run=deno"),
  async fn() {
    await using certificates = await Certificates.make();
    const names = "DNS:localhost,DNS:chat.example,DNS:*.wild.example,IP:127.0.0.1";
    await certificates.issue("good", { names });
    const flags = certificates.flags("good");
    const server = new ChatProcess(
      ["server", "--web", "--port", "0", "--relay-only", "--json", ...flags],
      FILES,
    );
    await using _server = server;
    const { port, web } = await server.event("listening");
    assertEquals((web as { url: string }).url, `https://127.0.0.1:${port}/`);
    const ask = async (host: string) => {
      const caCerts = [await certificates.text("ca.pem")];
      using conn = await Deno.connectTls({ hostname: "127.0.0.1", port: Number(port), caCerts });
      await conn.write(utf8(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
      return await new Response(conn.readable).text();
    };
    for (const host of ["127.0.0.1", "localhost", "chat.example:1", "a.wild.example"]) {
      const answer = await ask(host);
      assertMatch(answer, /^HTTP\/1\.1 200 /, host);
      assert(!answer.includes("ws://"), "the page connects by TLS alone");
      assert(answer.endsWith(PAGE));
    }
    assertMatch(await ask("evil.example"), /^HTTP\/1\.1 421 /);
    // A browser that was told http:// gets an answer that says what to write.
    using plain = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await plain.write(utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const hint = "this port speaks TLS: the address of a page is https://\n";
    const answer = await new Response(plain.readable).text();
    assertMatch(answer, /^HTTP\/1\.1 400 /);
    assert(answer.endsWith(`\r\n\r\n${hint}`), answer);
    const join = (url: string, name: string, ...args: string[]) =>
      new ChatProcess(["client", url, "--name", name, "--json", "--listen", ...args], FILES);
    const ca = ["--ca", certificates.file("ca.pem")];
    await using ada = join(`https://localhost:${port}/`, "ada", ...ca);
    await using bo = join(`wss://127.0.0.1:${port}`, "bo", ...ca);
    await bo.until((one) => one.all("joined").length === 2, "both are in");
    await bo.type(`${"x".repeat(60_000)}\n`);
    await ada.until((one) => one.all("message").length === 1, "it has come through");
    await using untrusting = join(`https://localhost:${port}/`, "cy");
    assertEquals(await untrusting.ended(), 1);
    assertEquals((await untrusting.event("error")).code, "TLS_UNKNOWN_ISSUER");
  },
});

Deno.test({
  name:
    "a relay of the library over TLS refuses pages that came without TLS, without an option for that",
  ignore: !HAS_OPENSSL || !MAY_WRITE,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good", { names: "DNS:localhost" });
    const [cert, key, ca] = await Promise.all(
      ["good.pem", "good.key", "ca.pem"].map((name) => certificates.text(name)),
    );
    const { wrap } = await serveWeb({ page: "<p>hi</p>" });
    await using relay = openRelay({ port: 0, wrap, tls: { cert: cert!, key: key! } });
    const { port } = relay.addr;
    for (const [scheme, status] of [["https", 101], ["http", 403]] as const) {
      using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts: [ca!] });
      await conn.write(utf8(
        `GET /chat HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\n` +
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
          `Origin: ${scheme}://localhost:${port}\r\n\r\n`,
      ));
      const buffer = new Uint8Array(4096);
      const answer = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
      assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `), scheme);
    }
  },
});

Deno.test({
  name: "curl gets the page, compressed and whole, and one line for each refusal",
  ignore: !HAS_CURL || !granted("run=deno,curl"),
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only");
    await using _server = server;
    const curl = async (...args: string[]) => {
      const command = new Deno.Command("curl", { args: ["-sS", "-m", "20", ...args] });
      const { code, stdout } = await command.output();
      return [code, new TextDecoder().decode(stdout)];
    };
    const url = `http://${address}/`;
    assertEquals(await curl(url), [0, PAGE]);
    assertEquals(await curl("--compressed", url), [0, PAGE]);
    assertEquals(await curl("--http1.0", url), [0, PAGE]);
    const size = ["-o", "/dev/null", "-w", "%{size_download}"];
    const length = String(BROTLI_PAGE.length);
    assertEquals(await curl(...size, "-H", "Accept-Encoding: gzip, br", url), [0, length]);
    assertMatch((await curl("-I", url))[1] as string, /^HTTP\/1\.1 200 OK\r\n/);
    const status = ["-w", "%{http_code}"];
    assertEquals(await curl(...status, "-d", "x".repeat(40_000), url), [
      0,
      "use GET or HEAD\n405",
    ]);
    assertEquals(await curl(...status, "-H", "Host: evil.example", url), [
      0,
      "the request names a host that is not this server's\n421",
    ]);
    assertEquals(await curl(...status, "-H", `X: ${"x".repeat(30_000)}`, url), [
      0,
      "the request line and the header fields have more than 8192 bytes\n431",
    ]);
  },
});

Deno.test({
  name: "chat page writes the page to standard output or to a new file",
  ignore: !MAY_WRITE || !granted("run=deno"),
  async fn() {
    assertEquals(await parley(["chat", "page"]), { code: 0, stdout: PAGE, stderr: "" });
    await using scratch = await Scratch.make();
    const path = scratch.file("page.html");
    assertEquals((await parley(["chat", "page", "-o", path], FILES)).code, 0);
    assertEquals(await Deno.readTextFile(path), PAGE);
    const again = await parley(["chat", "page", "-o", path], FILES);
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "EEXIST");
    assertEquals((await parley(["chat", "page", "-o", path, "--force"], FILES)).code, 0);
  },
});

/** Reads one of the relay's metrics. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

Deno.test({
  name:
    "300 members that idle by WebSocket, and 100 that go without a word, are counted as any others",
  ignore,
  async fn() {
    const flags = ["--max-rejoins", "1000000", "--max-pending", "50", "--grace", "0"];
    const { server, address } = await startServer(
      ...["--web", "--relay-only", "--metrics", "0", "--log-level", "info", ...flags],
    );
    await using _server = server;
    await server.until(
      (one) => one.errors.some((line) => line.includes("event=metrics")),
      "metrics",
    );
    const [, metrics = ""] = /url=(\S+)/.exec(server.errors.join("\n")) ?? [];
    const count = (name: string) => metric(metrics, `parley_${name}`);
    await using bridge = new WebBridge(Number(address.split(":")[1]));
    using stack = new DisposableStack();
    const sockets: RawSocket[] = [];
    // They say that they live, as idle members do.
    const ping = encodeEmpty(KIND.ping);
    const pinging = setInterval(() => {
      for (const socket of sockets) socket.send(ping).catch(() => {}); // it may be over
    }, 10_000);
    stack.defer(() => clearInterval(pinging));
    for (let i = 0; i < 400; i++) {
      // Its keys take a while, and a connection has ten seconds.
      const self = await guestCredential(`guest-${i}`, i % 4);
      const socket = stack.use(await RawSocket.dial(bridge.port));
      assertEquals(await socket.join(self), undefined);
      sockets.push(socket);
    }
    assertEquals([await count("members"), await count("connections")], [400, 400]);
    for (const socket of sockets.splice(300)) socket.close();
    const counts = async () => [await count("members"), await count("connections")].join(" ");
    while (await counts() !== "300 300") await new Promise((resolve) => setTimeout(resolve, 50));
    // Those who have opened a WebSocket and not joined give way to others, as TCP connections do.
    const pages = Array.from({ length: 80 }, async () => {
      const socket = new WebSocket(`ws://${address}/chat`);
      let opened = false;
      socket.onopen = () => opened = true;
      const { wasClean, code } = await new Promise<CloseEvent>((done) => socket.onclose = done);
      return opened ? `${code} ${wasClean}` : "refused";
    });
    await using ada = await startClient(`http://${address}/`, "ada", "--listen");
    assert(await count("pending_connections") <= 50);
    const closed = await Promise.all(pages);
    // One that gives way before it has upgraded gets status 503 instead of a close frame.
    for (const end of closed) assert(["1000 true", "refused"].includes(end), end);
    assert(closed.includes("1000 true"));
    await until(() => ada.all("joined").length === 301, "ada sees all");
    assertEquals([await count("members"), await count("connections")], [301, 301]);
    assertEquals(await count("failures_total"), 0);
    assert(await count("queue_bytes") < 400 * (1 << 20));
  },
});
