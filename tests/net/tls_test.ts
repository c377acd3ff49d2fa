// needs: net run=deno,openssl read=tests/scratch write=tests/scratch (about 35 s)

/**
 * The chat over TLS: what goes through, and what fails with which words.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { makeCredential } from "../../lib/chat/identity/credential.ts";
import { certificateWarning } from "../../lib/net/tls.ts";
import { TlsServerConn } from "../../lib/net/tls_server.ts";
import { joinRoom, type MemberEvent, openRelay } from "../../lib/tcp_chat.ts";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { pooledKeys, until } from "../chat/room.ts";
import { granted } from "../fixtures/granted.ts";
import { HAS_OPENSSL } from "../fixtures/openssl.ts";
import { MAY_WRITE } from "../fixtures/scratch.ts";
import { parley } from "../fixtures/parley.ts";
import { Certificates } from "./certificates.ts";

const ignore = !HAS_OPENSSL || !MAY_WRITE || !granted("run=deno");
const FLAGS = ["--allow-net", "--allow-read"];

/** A relay process that speaks TLS, or not, and what to dial. */
async function relayProcess(...args: readonly string[]): Promise<[ChatProcess, string]> {
  const server = new ChatProcess(
    ["server", "--port", "0", "--relay-only", "--json", ...args],
    FLAGS,
  );
  const { port } = await server.event("listening");
  return [server, `127.0.0.1:${port}`];
}

Deno.test({
  name: "a conversation goes through TLS, on the authority that --ca names",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good");
    const [server, address] = await relayProcess(...certificates.flags("good"));
    await using _server = server;
    const tls = ["--tls", "--ca", certificates.file("ca.pem")];
    const join = (name: string) =>
      new ChatProcess(["client", address, "--name", name, "--json", "--listen", ...tls], FLAGS);
    await using ada = join("ada");
    await ada.event("joined");
    await using bo = join("bo");
    await ada.until((one) => one.all("joined").length === 2, "bo is there");
    const long = "x".repeat(60_000);
    await ada.type(`hello within TLS\n${long}\n`);
    await bo.until((one) => one.all("message").length === 2, "both lines have come");
    assertEquals(bo.all("message").map(({ text }) => text), ["hello within TLS", long]);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    // Its goodbye came through, though it stopped right after it.
    for (const member of [ada, bo]) {
      assertEquals((await member.event("disconnected")).reason, "SHUTDOWN");
      member.kill("SIGTERM");
      assertEquals(await member.ended(), 0);
    }
  },
});

/** Joins by process, and gives what it says on stderr: a line, and a hint. */
async function failureOf(address: string, ...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await parley(["chat", "client", address, ...args], FLAGS);
  assertEquals([code, stdout], [1, ""], stderr);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 2, stderr);
  return lines;
}

const BAD_CERTIFICATES: readonly {
  readonly name: string;
  /** The certificate's name among those made. */
  readonly made: string;
  readonly make: (certificates: Certificates, name: string) => Promise<void>;
  readonly ca?: string;
  readonly why: string;
  readonly hint: string;
}[] = [
  {
    name: "an expired certificate",
    made: "expired",
    make: (of, name) => of.issue(name, { days: ["20190101", "20200201"] }),
    why: "the server's certificate has expired, on 2020-02-01 (TLS_EXPIRED)",
    hint: "hint: the server needs a new one",
  },
  {
    name: "a certificate that is not valid yet",
    made: "early",
    make: (of, name) => of.issue(name, { days: ["20900101", "20910101"] }),
    why: "the server's certificate is not valid yet, on 2090-01-01 (TLS_NOT_VALID_YET)",
    hint: "hint: check this machine's clock",
  },
  {
    name: "a certificate for another name",
    made: "elsewhere",
    make: (of, name) => of.issue(name, { names: "DNS:a.example,DNS:b.example" }),
    why: "the server's certificate is for another name: a.example, b.example (TLS_WRONG_NAME)",
    hint: "hint: dial the server by a name that its certificate has",
  },
  {
    name: "a certificate of an unknown issuer",
    made: "stranger",
    make: (of, name) => of.selfSigned(name, false),
    why: "the issuer of the server's certificate is not trusted here (TLS_UNKNOWN_ISSUER)",
    hint: "hint: name the issuer's certificate with --ca FILE",
  },
  {
    name: "a certificate that is its own authority",
    made: "own",
    make: (of, name) => of.selfSigned(name),
    ca: "own.pem",
    why:
      "the server's certificate is that of a certificate authority, which a server cannot use (TLS_CA_CERTIFICATE)",
    hint: "CA:FALSE",
  },
];

for (const { name, made, make, ca = "ca.pem", why, hint } of BAD_CERTIFICATES) {
  Deno.test({
    name: `${name} is refused with a clear line, and the relay goes on`,
    ignore,
    async fn() {
      await using certificates = await Certificates.make();
      await make(certificates, made);
      const [server, address] = await relayProcess(...certificates.flags(made));
      await using _server = server;
      const lines = await failureOf(address, "--tls", "--ca", certificates.file(ca));
      assertEquals(lines[0], `parley: cannot connect to ${address}: ${why}`);
      assertStringIncludes(lines[1]!, hint);
      const refused = await server.event("refused");
      assertStringIncludes(String(refused.detail), "the TLS handshake failed: ");
      await failureOf(address, "--tls"); // it answers again
    },
  });
}

Deno.test({
  name: "a server warns if its certificate is an authority's, which clients refuse",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.selfSigned("authority", true);
    await certificates.selfSigned("own", false);
    const [refused, accepted] = await Promise.all(
      ["authority.pem", "own.pem"].map(async (file) =>
        await certificateWarning(await certificates.text(file))
      ),
    );
    assertEquals(accepted, undefined);
    assertStringIncludes(refused ?? "", "basicConstraints=critical,CA:FALSE");
    const [server] = await relayProcess(...certificates.flags("authority"));
    await using _server = server;
    assertEquals((await server.event("notice")).text, refused);
  },
});

Deno.test({
  name: "a self-signed certificate that is not an authority is accepted if --ca names it",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.selfSigned("own", false);
    const [server, address] = await relayProcess(...certificates.flags("own"));
    await using _server = server;
    const tls = ["--tls", "--ca", certificates.file("own.pem")];
    const { code, stderr } = await parley(["chat", "client", address, ...tls], FLAGS);
    assertEquals([code, stderr], [0, ""]);
  },
});

Deno.test({
  name: "a plaintext client at a TLS port is told to use --tls",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good");
    const [server, address] = await relayProcess(...certificates.flags("good"));
    await using _server = server;
    const [line, hint] = await failureOf(address);
    assertEquals(line, "parley: cannot join the room: what answered there speaks TLS (TLS_SPOKEN)");
    assertEquals(hint, "hint: join with --tls");
    const { detail } = await server.event("refused");
    assertEquals(detail, "the TLS handshake failed: the other side does not speak TLS");
  },
});

Deno.test({
  name: "a TLS client at a plaintext port is told to leave out --tls",
  ignore,
  async fn() {
    const [server, address] = await relayProcess();
    await using _server = server;
    const [line, hint] = await failureOf(address, "--tls");
    const why = "the other side does not speak TLS (TLS_NOT_SPOKEN)";
    assertEquals(line, `parley: cannot connect to ${address}: ${why}`);
    assertStringIncludes(hint!, "leave out --tls");
    assertEquals((await server.event("refused")).reason, "NOT_PARLEY");
  },
});

Deno.test({
  name: "a TLS client is refused like any other if nothing listens",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${listener.addr.port}`;
    listener.close();
    const [line] = await failureOf(address, "--tls");
    assertEquals(
      line,
      `parley: cannot connect to ${address}: nothing listens there (ECONNREFUSED)`,
    );
  },
});

Deno.test({
  name: "a server whose certificate and key cannot be used says which and why",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good");
    await certificates.issue("other");
    await certificates.write("empty.pem", "");
    await certificates.write("empty.key", "");
    await certificates.write("cut.pem", (await certificates.text("good.pem")).slice(0, 300));
    await certificates.openssl("pkey -in good.key -aes256 -passout pass:x -out sealed.key");
    const cases = [
      ["good", "other", "TLS_KEY_MISMATCH"],
      ["empty", "good", "TLS_NO_CERTIFICATE"],
      ["good", "empty", "TLS_NO_KEY"],
      ["good", "sealed", "TLS_NO_KEY"],
      ["cut", "good", "TLS_DAMAGED"],
      ["absent", "good", "ENOENT"],
    ] as const;
    const runs = cases.flatMap((each) => [[...each], [...each, "--web"]] as const);
    for (const [cert, key, expected, ...more] of runs) {
      const args = ["chat", "server", "--port", "0", ...certificates.flags(cert, key), ...more];
      const { code, stderr } = await parley(args, FLAGS);
      assertEquals(code, 1);
      const [line, hint, ...rest] = stderr.trimEnd().split("\n");
      assert(line?.endsWith(`(${expected})`), stderr);
      assert(hint?.startsWith("hint: ") && rest.length === 0, stderr);
    }
  },
});

Deno.test({
  name: "--tls-cert without --tls-key, and --ca without --tls, are wrong usage",
  ignore,
  async fn() {
    for (
      const args of [["server", "--tls-cert", "x"], ["server", "--tls-key", "x"], [
        "client",
        "--ca",
        "x",
      ]]
    ) {
      const { code, stderr } = await parley(["chat", ...args], FLAGS);
      assertEquals(code, 2);
      assertStringIncludes(stderr, "it needs --tls");
    }
  },
});

/** Issues a server's certificate. */
async function issueGood(certificates: Certificates) {
  await certificates.issue("good");
  return { cert: await certificates.text("good.pem"), key: await certificates.text("good.key") };
}

/** A relay of this process that speaks TLS, and what a member of it dials. */
async function relayHere(certificates: Certificates) {
  const refused: string[] = [];
  const relay = openRelay({
    port: 0,
    tls: await issueGood(certificates),
    event: (event) => {
      if (event.kind === "refused") refused.push(event.detail);
    },
  });
  return { relay, refused, caCerts: [await certificates.text("ca.pem")] };
}

async function visit(port: number, caCerts: readonly string[], seat: number) {
  const events: MemberEvent[] = [];
  const self = await makeCredential(`m${seat}`, await pooledKeys(seat), Date.now() + 3_600_000);
  const session = await joinRoom({
    port,
    self,
    tls: { caCerts },
    event: (one) => events.push(one),
  });
  await until(() => events.some(({ kind }) => kind === "ready" || kind === "ended"), "it is in");
  return { session, events };
}

Deno.test({
  name: "handshakes that fail or never finish delay no member and no closing relay",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    const { relay, refused, caCerts } = await relayHere(certificates);
    const { port } = relay.addr;
    using silent = await Deno.connect({ port });
    // The start of a record that promises 512 bytes.
    using half = await Deno.connect({ port });
    await half.write(new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252]));
    using foreign = await Deno.connect({ port });
    await foreign.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    (await Deno.connect({ port })).close();
    await until(() => refused.length === 2, "two were refused");
    assertEquals(
      new Set(refused),
      new Set([
        "the TLS handshake failed: the other side does not speak TLS",
        "the TLS handshake failed: the connection was closed in the middle of the TLS handshake",
      ]),
    );
    const ada = await visit(port, caCerts, 0);
    assertEquals(ada.session.members().length, 1);
    await relay.close();
    await until(() => ada.events.some(({ kind }) => kind === "disconnected"), "ada was told");
    ada.session.close();
    await ada.session.ended;
    assertEquals(await silent.read(new Uint8Array(1)), null);
  },
});

Deno.test({
  name: "a handshake that does not go on can be given up, and its connection is closed",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    const tls = await issueGood(certificates);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using silent = await Deno.connect({ port: listener.addr.port });
    const conn = new TlsServerConn(await listener.accept(), tls);
    const reading = conn.read(new Uint8Array(1));
    const writing = assertRejects(() => conn.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
    conn.close();
    assertEquals(await silent.read(new Uint8Array(1)), null);
    assertEquals(await reading, null);
    await writing;
    assertEquals(conn.failure, "");
  },
});

/** Passes bytes on to a port; once `armed`, changes one bit of each piece that goes there. */
async function meddle(
  listener: Deno.Listener,
  to: number,
  state: { armed: boolean },
): Promise<void> {
  const near = await listener.accept();
  const far = await Deno.connect({ port: to });
  const flip = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      if (state.armed) chunk[chunk.length - 1]! ^= 1;
      controller.enqueue(chunk);
    },
  });
  await Promise.allSettled([
    near.readable.pipeThrough(flip).pipeTo(far.writable),
    far.readable.pipeTo(near.writable),
  ]);
}

Deno.test({
  name: "a TLS record that was changed on the way ends its connection and no other",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    const { relay, caCerts } = await relayHere(certificates);
    await using _relay = relay;
    const ada = await visit(relay.addr.port, caCerts, 0);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const state = { armed: false };
    const meddling = meddle(listener, relay.addr.port, state);
    const bo = await visit(listener.addr.port, caCerts, 1);
    state.armed = true;
    assert(bo.session.send("changed on the way").ok);
    await until(() => bo.events.some(({ kind }) => kind === "disconnected"), "bo has lost it");
    bo.session.close();
    await bo.session.ended;
    await meddling;
    const cy = await visit(relay.addr.port, caCerts, 2);
    assert(cy.session.send("unmoved").ok);
    const read = () => ada.events.flatMap((one) => one.kind === "message" ? [one.text] : []);
    await until(() => read().length > 0, "ada has read it");
    assertEquals(read(), ["unmoved"]);
    for (const guest of [ada, cy]) guest.session.leave();
    await Promise.all([ada.session.ended, cy.session.ended]);
  },
});

Deno.test({
  name: "joinRoom() rejects with a failure if the handshake fails, and leaves nothing open",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    const { relay } = await relayHere(certificates);
    await using _relay = relay;
    const failure = await assertRejects(() => visit(relay.addr.port, [], 0), Failure);
    assertEquals(failure.code, "TLS_UNKNOWN_ISSUER");
    const cut = (await certificates.text("ca.pem")).slice(0, 200);
    const damaged = await assertRejects(() => visit(relay.addr.port, [cut], 0), Failure);
    assertEquals(damaged.code, "TLS_DAMAGED");
  },
});

Deno.test({
  name: "of the connections that end before their handshake, a server keeps a few to tell them why",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    const tls = await issueGood(certificates);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    const pair = async () => {
      const [client, conn] = await Promise.all([
        Deno.connect({ hostname, port }),
        listener.accept(),
      ]);
      const server = new TlsServerConn(conn, tls);
      server.ending();
      return { client, server };
    };
    const caCerts = [await certificates.text("ca.pem")];
    const shakeHands = async ({ client }: { readonly client: Deno.TcpConn }) => {
      using secured = await Deno.startTls(client, { hostname, caCerts });
      await secured.handshake();
    };
    const kept = [];
    for (let i = 0; i < 64; i++) kept.push(await pair());
    const closed = await pair();
    await assertRejects(() => shakeHands(closed));
    await shakeHands(kept.shift()!);
    for (const { client, server } of kept) {
      server.close();
      client.close();
    }
    const later = await pair();
    await shakeHands(later);
    later.server.close();
  },
});
