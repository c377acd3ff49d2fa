// needs: net run=deno,openssl read=tests/scratch write=tests/scratch (about 20 s)

/**
 * A member whose relay has lost its good certificate: it is told why it cannot come back, and tries on.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeCredential } from "../../lib/chat/identity/credential.ts";
import {
  joinRoom,
  type MemberEvent,
  openRelay,
  type RelayServer,
  type TlsServerOptions,
} from "../../lib/tcp_chat.ts";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { pooledKeys, until } from "../chat/room.ts";
import { granted } from "../fixtures/granted.ts";
import { HAS_OPENSSL } from "../fixtures/openssl.ts";
import { MAY_WRITE } from "../fixtures/scratch.ts";
import { Certificates } from "./certificates.ts";

const ignore = !HAS_OPENSSL || !MAY_WRITE || !granted("run=deno");
const FLAGS = ["--allow-net", "--allow-read"];
const EXPIRED = "the server's certificate has expired, on 2020-02-01";

/** Starts a relay with a certificate of a name, on a port. */
async function relayProcess(
  certificates: Certificates,
  name: string,
  port = 0,
): Promise<{ server: ChatProcess; port: number }> {
  const tls = certificates.flags(name);
  const args = ["server", "--port", String(port), "--relay-only", "--json", ...tls];
  const server = new ChatProcess(args, FLAGS);
  const listening = await server.event("listening");
  assertEquals(listening.tls, true);
  return { server, port: Number(listening.port) };
}

async function kill(server: ChatProcess): Promise<void> {
  server.kill("SIGKILL");
  await server.ended();
}

/** Starts a client that speaks TLS. */
function client(certificates: Certificates, port: number, ...args: string[]): ChatProcess {
  const tls = ["--tls", "--ca", certificates.file("ca.pem")];
  return new ChatProcess(["client", `127.0.0.1:${port}`, ...tls, ...args], FLAGS);
}

/** What a relay in this process proves itself by. */
async function tlsOf(certificates: Certificates, name: string): Promise<TlsServerOptions> {
  return {
    cert: await certificates.text(`${name}.pem`),
    key: await certificates.text(`${name}.key`),
  };
}

Deno.test({
  name:
    "a member is told once why it cannot come back over TLS, tries on, and is back once that is mended",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good");
    await certificates.issue("expired", { days: ["20190101", "20200201"] });
    const { server, port } = await relayProcess(certificates, "good");
    await using _server = server;
    await using ada = client(certificates, port, "--name", "ada", "--listen", "--json");
    await ada.event("joined");
    await kill(server);
    await ada.event("disconnected");
    const { server: expired } = await relayProcess(certificates, "expired", port);
    await using _expired = expired;
    await expired.until((one) => one.all("refused").length >= 2, "it has tried again");
    await kill(expired);
    assertEquals(expired.all("joined"), []);
    const { server: mended } = await relayProcess(certificates, "good", port);
    await using _mended = mended;
    await ada.event("reconnected");
    const told = ada.all("error").map(({ code, message }) => [code, message]);
    const line = `cannot connect to 127.0.0.1:${port}: ${EXPIRED}; still trying`;
    assertEquals(told, [["TLS_EXPIRED", line]]);
  },
});

Deno.test({
  name: "piped input whose relay has a bad certificate now is given up with that reason",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good");
    await certificates.issue("expired", { days: ["20190101", "20200201"] });
    const good = openRelay({ port: 0, tls: await tlsOf(certificates, "good") });
    const { port } = good.addr;
    await using bo = client(certificates, port, "--name", "bo", "--give-up", "5000");
    await bo.until(({ lines }) => lines.some((line) => line.includes("no one else")), "it is in");
    await good.close();
    await using _expired = openRelay({ port, tls: await tlsOf(certificates, "expired") });
    await bo.type("for a relay that can be believed\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 1);
    const shown = `! cannot connect to 127.0.0.1:${port}: ${EXPIRED}; still trying (TLS_EXPIRED)`;
    assertEquals(bo.lines.filter((one) => one.startsWith("!")), [shown]);
    const [line, hint, ...rest] = bo.errors;
    const why = `${EXPIRED} (not reconnected within 5000 ms); 1 message was not delivered`;
    assertEquals(line, `parley: the chat has ended: ${why} (TLS_EXPIRED)`);
    assertStringIncludes(hint!, "hint: the server needs a new one");
    assertEquals(rest, []);
  },
});

/** What a relay becomes, and what a member of it is then told. */
const BECOMES: readonly {
  readonly name: string;
  readonly make?: (certificates: Certificates) => Promise<void>;
  readonly code: string;
}[] = [
  {
    name: "one with a certificate for another name",
    make: (of) => of.issue("bad", { names: "DNS:a.example" }),
    code: "TLS_WRONG_NAME",
  },
  {
    name: "one with a certificate of another issuer",
    make: (of) => of.selfSigned("bad", false),
    code: "TLS_UNKNOWN_ISSUER",
  },
  { name: "one that speaks no TLS", code: "TLS_NOT_SPOKEN" },
];

for (const { name, make, code } of BECOMES) {
  Deno.test({
    name: `a member whose relay becomes ${name} hears of it, stays out, and sends no plaintext`,
    ignore,
    async fn() {
      await using certificates = await Certificates.make();
      await certificates.issue("good");
      await make?.(certificates);
      const refused: string[] = [];
      const open = (tls: TlsServerOptions | undefined, port = 0): RelayServer =>
        openRelay({
          port,
          ...(tls === undefined ? {} : { tls }),
          event: (event) => refused.push(event.kind === "refused" ? event.reason : event.kind),
        });
      const good = open(await tlsOf(certificates, "good"));
      const { port } = good.addr;
      const events: MemberEvent[] = [];
      const codes: string[] = [];
      const session = await joinRoom({
        port,
        self: await makeCredential("ada", await pooledKeys(0), Date.now() + 3_600_000),
        tls: { caCerts: [await certificates.text("ca.pem")] },
        event: (event) => events.push(event),
        obstacle: (failure) => codes.push(failure.code),
      });
      await until(() => events.some(({ kind }) => kind === "ready"), "it is in");
      await good.close();
      refused.length = 0;
      await using _bad = open(
        make === undefined ? undefined : await tlsOf(certificates, "bad"),
        port,
      );
      const heard = () => codes.filter((one) => one === code).length;
      await until(() => heard() >= 2, "it has tried again");
      assertEquals(session.connected, false);
      // What it said to the relay was no greeting, and it is in no room.
      const seen = new Set(refused);
      seen.delete("connected");
      assertEquals([...seen], [make === undefined ? "NOT_PARLEY" : "LOST"]);
      assert(session.send("for a relay that can be believed").ok);
      session.leave();
      await session.ended;
    },
  });
}
