/**
 * The chat over real sockets on loopback.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import {
  makeCredential,
  type MemberKeys,
  type OwnCredential,
} from "../../../lib/chat/identity/credential.ts";
import { readSealed } from "../../../lib/chat/wire/envelope.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import {
  BOUND,
  encodeGreeting,
  KIND,
  readGreeting,
  REASONS,
} from "../../../lib/chat/wire/kinds.ts";
import {
  joinRoom,
  type MemberEvent,
  openRelay,
  type RelayServer,
  type Session,
} from "../../../lib/tcp_chat.ts";
import { pooledKeys, until } from "../room.ts";

interface Guest {
  readonly session: Session;
  readonly events: MemberEvent[];
}

async function credential(
  name: string,
  keys: MemberKeys | Promise<MemberKeys>,
): Promise<OwnCredential> {
  return await makeCredential(name, await keys, Date.now() + 3_600_000);
}

async function visit(port: number, self: OwnCredential): Promise<Guest> {
  const events: MemberEvent[] = [];
  const session = await joinRoom({ port, self, event: (event) => events.push(event) });
  await until(() => events.some(({ kind }) => kind === "ready" || kind === "ended"), "it is in");
  return { session, events };
}

function texts({ events }: Guest): string[] {
  return events.flatMap((event) => event.kind === "message" ? [event.text] : []);
}

function relay(): RelayServer {
  return openRelay({ port: 0 });
}

/** A relay between two sockets that keeps what passes. */
class Wiretap implements AsyncDisposable {
  /** What passed in each direction of each connection. */
  readonly streams: Uint8Array[][] = [];
  readonly captured: Uint8Array[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;

  constructor(to: number) {
    this.#running = this.#run(to);
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async #run(to: number): Promise<void> {
    const pipes: Promise<void>[] = [];
    for await (const near of this.#listener) {
      const far = await Deno.connect({ port: to });
      pipes.push(this.#pipe(near, far), this.#pipe(far, near));
    }
    await Promise.all(pipes);
  }

  async #pipe(from: Deno.TcpConn | Deno.Conn, to: Deno.TcpConn | Deno.Conn): Promise<void> {
    const stream: Uint8Array[] = [];
    this.streams.push(stream);
    const spy = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        this.captured.push(chunk.slice());
        stream.push(chunk.slice());
        controller.enqueue(chunk);
      },
    });
    await from.readable.pipeThrough(spy).pipeTo(to.writable).catch(() => {}); // either side may go first
  }

  /** Whether some bytes passed, in whichever piece. */
  saw(bytes: Uint8Array): boolean {
    const hay = latin1(this.captured);
    return hay.includes(latin1([bytes]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running.catch(() => {});
  }
}

function latin1(pieces: readonly Uint8Array[]): string {
  return pieces.map((piece) => Array.from(piece, (byte) => String.fromCharCode(byte)).join(""))
    .join("");
}

/** Runs with every secret that is made noted: random bytes, and the private keys in every form. */
async function notingSecrets(run: () => Promise<void>): Promise<Uint8Array[]> {
  const { subtle } = crypto;
  const getRandomValues = crypto.getRandomValues;
  const importKey = subtle.importKey;
  const secrets: Uint8Array[] = [];
  Reflect.set(crypto, "getRandomValues", (into: Uint8Array) => {
    Reflect.apply(getRandomValues, crypto, [into]);
    secrets.push(into.slice());
    return into;
  });
  // Every AES and HKDF key comes in here: chain keys, message keys, pairwise keys.
  Reflect.set(subtle, "importKey", (format: string, data: Uint8Array, ...rest: unknown[]) => {
    const [algorithm] = rest;
    if (format === "raw" && (algorithm === "AES-GCM" || algorithm === "HKDF")) {
      secrets.push(data.slice());
    }
    return Reflect.apply(importKey, subtle, [format, data, ...rest]);
  });
  try {
    await run();
  } finally {
    Reflect.set(crypto, "getRandomValues", getRandomValues);
    Reflect.set(subtle, "importKey", importKey);
  }
  return secrets;
}

Deno.test("the wire carries no text, private key or sender key, and equal texts give different ciphertexts", async () => {
  await using server = relay();
  await using tap = new Wiretap(server.addr.port);
  // Keys that can be exported, so that their private parts can be looked for.
  const extractable = await crypto.subtle.generateKey(
    {
      name: "RSA-OAEP",
      hash: "SHA-256",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    true,
    ["encrypt", "decrypt"],
  );
  const keys = { ...await pooledKeys(0), session: extractable };
  const public32 = new Set<string>();
  const secrets = await notingSecrets(async () => {
    const ada = await visit(tap.port, await credential("ada", keys));
    const bo = await visit(tap.port, await credential("bo", pooledKeys(1)));
    await until(() => ada.events.some(({ kind }) => kind === "joined"), "ada has seen bo");
    const text = "the very same words, twice over";
    for (let i = 0; i < 2; i++) {
      assert(ada.session.send(text).ok);
      await until(() => texts(bo).length === i + 1, "bo has read it");
    }
    assert(bo.session.send("an answer that nobody else reads", "ada").ok);
    await until(() => texts(ada).length === 1, "ada has read it");
    for (const guest of [ada, bo]) guest.session.leave();
    await Promise.all([ada.session.ended, bo.session.ended]);
    public32.add(latin1([server.room]));
  });
  const bytes = new TextEncoder();
  for (const text of ["the very same words", "an answer that nobody"]) {
    assertEquals(tap.saw(bytes.encode(text)), false, text);
  }
  for (const pair of [keys.identity, keys.session]) {
    const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
    for (const part of [jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi]) {
      const raw = Uint8Array.from(
        atob(part!.replaceAll("-", "+").replaceAll("_", "/")),
        (char) => char.charCodeAt(0),
      );
      assertEquals(tap.saw(raw), false, "a part of a private key");
    }
    // The modulus is public and passes: what is looked for would be found.
    const modulus = atob(jwk.n!.replaceAll("-", "+").replaceAll("_", "/"));
    assertEquals(tap.saw(Uint8Array.from(modulus, (char) => char.charCodeAt(0))), true);
  }
  // Nonces and the room are random and public: they pass in the challenge; no key does.
  const challenges = latin1(tap.captured);
  const passed = secrets.filter((secret) =>
    secret.length === 32 && challenges.includes(latin1([secret]))
  );
  assert(secrets.length > 10, "secrets were noted");
  assertEquals(passed.length, 2, "two nonces passed, and nothing else that is random");
  const sealed = ciphertexts(tap.streams);
  assertEquals([sealed.length, new Set(sealed).size], [4, 2], "each passed twice, and they differ");
});

/** The ciphertexts of the sealed frames that passed, from their sender and to each recipient. */
function ciphertexts(streams: readonly (readonly Uint8Array[])[]): string[] {
  return streams.flatMap((pieces) => {
    const bytes = new Uint8Array(pieces.flatMap((piece) => [...piece]));
    const greeting = readGreeting(bytes);
    const start = greeting.state === "whole" ? greeting.length : 0;
    const reader = new FrameReader(() => BOUND.frame);
    return [...reader.push(bytes.slice(start))].flatMap(({ kind, payload }) =>
      kind === KIND.sealed ? [latin1([readSealed(payload).ciphertext])] : []
    );
  });
}

/** What a relay answers to raw bytes, up to the end of the connection. */
async function answerTo(port: number, bytes: Uint8Array): Promise<Uint8Array> {
  using conn = await Deno.connect({ port });
  await conn.write(bytes);
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(4096);
  for (let length = await conn.read(buffer); length !== null; length = await conn.read(buffer)) {
    pieces.push(buffer.slice(0, length));
  }
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

Deno.test("foreign protocols are answered with a code and an end, at once, while others chat on", async () => {
  await using server = relay();
  const { port } = server.addr;
  const ada = await visit(port, await credential("ada", pooledKeys(0)));
  const bo = await visit(port, await credential("bo", pooledKeys(1)));
  await until(() => ada.events.some(({ kind }) => kind === "joined"), "ada has seen bo");
  const cases = {
    NOT_PARLEY: [
      new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
      new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      crypto.getRandomValues(new Uint8Array(300)),
    ],
    VERSION: [encodeGreeting("", [200])],
    TOO_LARGE: [new Uint8Array([...encodeGreeting(""), 0xff, 0xff, 0xff, 0xff, KIND.join])],
  } as const;
  for (const [reason, samples] of Object.entries(cases)) {
    for (const sample of samples) {
      const answer = await answerTo(port, sample);
      assertEquals([answer.at(-2), answer.at(-1)], [
        KIND.bye,
        REASONS[reason as keyof typeof cases].number,
      ]);
    }
  }
  assert(ada.session.send("unmoved").ok);
  await until(() => texts(bo).length === 1, "bo has read it");
  for (const guest of [ada, bo]) guest.session.leave();
  await Promise.all([ada.session.ended, bo.session.ended]);
});

Deno.test("a member has one session: a second one would count its lines from 1 again", async () => {
  await using server = relay();
  const { port } = server.addr;
  const self = await credential("ada", pooledKeys(0));
  const { session } = await visit(port, self);
  session.leave();
  await session.ended;
  const error = await assertRejects(() => joinRoom({ port, self, event: () => {} }), Failure);
  assertEquals([error.code, error.what], ["MEMBER_USED", "cannot join as ada"]);
  await until(() => server.state().pending === 0, "the second connection is closed");
});

Deno.test("of two sessions of one member that begin together, one does, and a member that was not let in may try again", async () => {
  await using server = openRelay({ port: 0, maxMembers: 1 });
  const { port } = server.addr;
  const bo = await visit(port, await credential("bo", pooledKeys(1)));
  const self = await credential("ada", pooledKeys(0));
  const join = () => joinRoom({ port, self, event: () => {} });
  const begun = await Promise.allSettled([join(), join()]);
  const codes = begun.map((one) => one.status === "rejected" ? one.reason.code : "begun");
  assertEquals(codes.toSorted(), ["MEMBER_USED", "begun"]);
  for (const one of begun) if (one.status === "fulfilled") await one.value.ended;
  bo.session.leave();
  await bo.session.ended;
  const ada = await visit(port, self);
  ada.session.leave();
  await ada.session.ended;
});

Deno.test("joining a port at which nothing listens fails at once", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const self = await credential("ada", pooledKeys(0));
  const failure = await assertRejects(() => joinRoom({ port, self, event: () => {} }), Failure);
  assertEquals(failure.code, "ECONNREFUSED");
});

Deno.test("listening at a port in use fails at once", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    openRelay({ port });
    throw new Error("it was taken twice");
  } catch (error) {
    assert(error instanceof Failure);
    assertEquals(error.code, "EADDRINUSE");
  } finally {
    listener.close();
  }
});

Deno.test("a relay that closes tells its members, who wait for another until they leave", async () => {
  const server = relay();
  const ada = await visit(server.addr.port, await credential("ada", pooledKeys(0)));
  await server.close();
  await until(() => ada.events.some(({ kind }) => kind === "disconnected"), "ada hears of it");
  const last = ada.events.at(-1);
  assert(last?.kind === "disconnected");
  assertEquals(last.reason, "SHUTDOWN");
  assertEquals(ada.session.connected, false);
  ada.session.leave();
  await ada.session.ended;
  assertEquals(ada.events.at(-1), { kind: "ended", reason: "LEFT", detail: "" });
});

Deno.test("a member that leaves before it is admitted is gone at once", async () => {
  await using server = relay();
  const { port } = server.addr;
  const events: MemberEvent[] = [];
  const self = await credential("ada", pooledKeys(0));
  const session = await joinRoom({ port, self, event: (one) => events.push(one) });
  session.leave();
  await session.ended;
  assertEquals(events, [{ kind: "ended", reason: "LEFT", detail: "" }]);
});

Deno.test("connections wait until a relay opens", async () => {
  const opens = Promise.withResolvers<void>();
  await using server = openRelay({ port: 0, opens: opens.promise });
  const events: MemberEvent[] = [];
  const self = await credential("ada", pooledKeys(0));
  const session = await joinRoom({
    port: server.addr.port,
    self,
    event: (one) => events.push(one),
  });
  const host: MemberEvent[] = [];
  const own = server.join({
    self: await credential("host", pooledKeys(1)),
    event: (one) => host.push(one),
  });
  await until(() => host.some(({ kind }) => kind === "ready"), "the host is in");
  assertEquals(events, []);
  opens.resolve();
  await until(() => events.some(({ kind }) => kind === "ready"), "the guest is in");
  assertEquals(session.members().map(({ credential: { name } }) => name), ["ada", "host"]);
  session.leave();
  own.leave();
  await Promise.all([session.ended, own.ended]);
});
