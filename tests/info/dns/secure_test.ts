// needs: net run=openssl read=tests/scratch write=tests/scratch

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { type NameServer, resolve, type ResolveOptions } from "../../../lib/info.ts";
import { decodeMessage } from "../../../lib/info/dns/message.ts";
import { encodeResponse, ipv4 } from "./responder.ts";
import { Certificates } from "../../net/certificates.ts";
import { HAS_OPENSSL } from "../../fixtures/openssl.ts";
import { MAY_WRITE } from "../../fixtures/scratch.ts";

const ignore = !HAS_OPENSSL || !MAY_WRITE;

/** Answers a question with one address; a first reply is one to another question. */
function replies(bytes: Bytes): [wrong: Bytes, right: Bytes] {
  const message = decodeMessage(bytes);
  const { name } = message.question[0]!;
  const right = encodeResponse(message, { answer: [[name, "A", ipv4("192.0.2.1")]] });
  const other = { ...message, question: [{ ...message.question[0]!, name: "other." }] };
  return [encodeResponse(other, { answer: [["other.", "A", ipv4("203.0.113.1")]] }), right];
}

function framed(bytes: Bytes): Bytes {
  return Uint8Array.from([bytes.length >> 8, bytes.length & 255, ...bytes]);
}

/** A server by TLS, that sends its replies in small pieces. */
class TlsServer implements AsyncDisposable {
  readonly #listener: Deno.TlsListener;
  readonly #serving: Promise<void>;

  constructor(cert: string, key: string) {
    this.#listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
    this.#serving = this.#serve();
  }

  get address(): NameServer {
    return this.#listener.addr as Deno.NetAddr;
  }

  async #serve(): Promise<void> {
    for (;;) {
      try {
        // deno-lint-ignore no-await-in-loop -- one at a time is enough for a test
        using connection = await this.#listener.accept();
        await connection.handshake();
        await answer(connection);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource) return; // closed
        if (error instanceof Deno.errors.Interrupted) return;
        // A client that does not believe the certificate ends the handshake.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

async function answer(connection: Deno.TlsConn): Promise<void> {
  const buffer = new Uint8Array(2048);
  let have = 0;
  while (have < 2 || have < 2 + (buffer[0]! << 8 | buffer[1]!)) {
    const read = await connection.read(buffer.subarray(have));
    if (read === null) return;
    have += read;
  }
  for (const reply of replies(buffer.slice(2, have))) {
    const bytes = framed(reply);
    await connection.write(bytes.subarray(0, 1));
    await connection.write(bytes.subarray(1, 9));
    await connection.write(bytes.subarray(9));
  }
}

async function one(options: ResolveOptions) {
  const [resolution] = await resolve("a.example", { types: ["A"], timeoutMs: 20_000, ...options });
  return resolution!;
}

Deno.test({
  name: "resolve() asks by TLS (RFC 7858), and accepts only a certificate for the server",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("dns", { names: "DNS:dns.example,IP:127.0.0.1" });
    const [cert, key, ca] = await Promise.all(
      ["dns.pem", "dns.key", "ca.pem"].map((file) => certificates.text(file)),
    ) as [string, string, string];
    await using server = new TlsServer(cert, key);
    const how = { server: server.address, transport: "tls", caCerts: [ca] } as const;
    const { data, reply, failure } = await one(how);
    assertEquals([data, reply?.transport, failure], [["192.0.2.1"], "tls", undefined]);
    assertEquals((await one({ ...how, serverName: "dns.example" })).data, ["192.0.2.1"]);
    const wrong = (await one({ ...how, serverName: "else.example" })).failure;
    assertEquals([wrong?.code, wrong?.exitCode], ["TLS_WRONG_NAME", 9]);
    assertEquals((await one({ ...how, caCerts: [] })).failure?.code, "TLS_UNKNOWN_ISSUER");
  },
});

Deno.test({
  name: "resolve() asks by HTTPS (RFC 8484), and accepts only a DNS message as an answer",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("dns");
    const [cert, key, ca] = await Promise.all(
      ["dns.pem", "dns.key", "ca.pem"].map((file) => certificates.text(file)),
    ) as [string, string, string];
    const asked: string[] = [];
    const ids: number[] = [];
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => undefined },
      async (request) => {
        const { pathname } = new URL(request.url);
        const type = request.headers.get("content-type");
        asked.push(`${request.method} ${pathname} ${type} ${request.headers.get("accept")}`);
        const body = new Uint8Array(await request.arrayBuffer());
        ids.push(decodeMessage(body).id);
        const [wrong, right] = replies(body);
        const headers = { "content-type": "application/dns-message" };
        switch (pathname) {
          case "/text":
            return new Response("hello");
          case "/missing":
            return new Response(null, { status: 404 });
          case "/elsewhere":
            return new Response(null, { status: 302, headers: { location: "/dns-query" } });
          case "/wrong":
            return new Response(wrong, { headers });
          case "/large":
            return new Response(new Uint8Array(70_000), { headers });
          default:
            return new Response(right, { headers });
        }
      },
    );
    const { hostname, port } = server.addr;
    const at = (path: string) => {
      const url = `https://127.0.0.1:${port}${path}`;
      return one({ server: { hostname, port, url }, transport: "https", caCerts: [ca] });
    };
    const { data, reply, server: text } = await at("/dns-query");
    assertEquals([data, reply?.transport], [["192.0.2.1"], "https"]);
    assertEquals(text, `https://127.0.0.1:${port}/dns-query`);
    assertEquals(asked, ["POST /dns-query application/dns-message application/dns-message"]);
    assertEquals(ids, [0]);
    const failures = {
      "/text": "it sent text/plain instead of a DNS message",
      "/missing": "it replied with HTTP status 404",
      "/elsewhere": "it replied with HTTP status 302",
      "/wrong": "its reply answers another question",
      "/large": "its reply exceeds 65535 bytes",
    };
    for (const [path, why] of Object.entries(failures)) {
      // deno-lint-ignore no-await-in-loop -- one after the other
      const { failure } = await at(path);
      assertStringIncludes(failure?.why ?? "", why);
      assertEquals([failure?.code, failure?.exitCode], ["NO_DNS_OVER_HTTPS", 9]);
    }
    const unknown = await one({ server: { hostname, port }, transport: "https" });
    assertEquals(unknown.failure?.code, "TLS_UNKNOWN_ISSUER");
  },
});

Deno.test({
  name:
    "resolve() reports a server that does not complete the TLS handshake as one without an answer",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("dns", { names: "IP:127.0.0.1" });
    const [cert, key, ca] = await Promise.all(
      ["dns.pem", "dns.key", "ca.pem"].map((file) => certificates.text(file)),
    ) as [string, string, string];
    await using server = new TlsServer(cert, key);
    using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const how = { transport: "tls", caCerts: [ca] } as const;
    const answered = one({ ...how, server: server.address });
    const { failure } = await one({ ...how, server: silent.addr, timeoutMs: 200 });
    assertEquals([failure?.code, failure?.exitCode], ["TIMEOUT", 9]);
    assertEquals((await answered).data, ["192.0.2.1"]);
  },
});
