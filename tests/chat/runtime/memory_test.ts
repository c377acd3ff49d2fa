// needs: net (about 12 s)

/**
 * A relay gives back what its visitors took: after many of them it keeps as much as after a few.
 *
 * Garbage is collected before each look, so that what is measured is what is kept: a few KiB more or less from one
 * look to the next, once everything has happened before.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/bytes.ts";
import { WebSite } from "../../../lib/chat/runtime/web_server.ts";
import { encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { openRelay, type RelayServer } from "../../../lib/tcp_chat.ts";
import { kept } from "../../fixtures/heap.ts";
import { guestCredential } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";

/** What may stay of each visitor, in bytes: less than anything of a connection that could be forgotten. */
const BYTES_EACH = 128;
/** How often it is measured, where that is exceeded. */
const MAX_ROUNDS = 5;

/** How many visitors are there at a time. */
const AT_A_TIME = 4;

/** A visit, by the first of those who are there at a time, or the second… */
type Visit = (visitor: number) => Promise<void>;

async function visits(count: number, visit: Visit): Promise<void> {
  for (let i = 0; i < count; i += AT_A_TIME) {
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, visitor) => visit(visitor)));
  }
}

/**
 * Fails where each of so many visits leaves something. The first of them leave what is made once, and what the
 * compiler learns; what is left of each is left in every round.
 */
async function assertNothingStays(server: RelayServer, count: number, visit: Visit): Promise<void> {
  const rounds: number[] = [];
  while (rounds.length < MAX_ROUNDS) {
    const before = await kept();
    await visits(count, visit);
    await until(() => server.state().connections === 0, "all have gone");
    const bytesEach = (await kept() - before) / count;
    if (bytesEach < BYTES_EACH) return;
    rounds.push(Math.round(bytesEach));
  }
  throw new Error(`of each of ${count} visits so many bytes are kept: ${rounds.join(", ")}`);
}

Deno.test("thousands of foreign connections leave nothing behind", async () => {
  await using server = openRelay({ port: 0 });
  const { port } = server.addr;
  await assertNothingStays(server, 2000, async () => {
    using socket = await RawSocket.dial(port);
    await socket.send(new Uint8Array(2000).fill(32));
    assertEquals(await socket.bye(), "NOT_PARLEY");
  });
});

Deno.test("thousands of connections that greet and go leave nothing behind", async () => {
  await using server = openRelay({ port: 0 });
  const { port } = server.addr;
  await assertNothingStays(server, 2000, async () => {
    using socket = await RawSocket.dial(port);
    await socket.send(encodeGreeting(""));
    assertEquals((await socket.read())?.kind, KIND.challenge);
  });
});

Deno.test("thousands of pages, refusals and WebSockets leave nothing behind", async () => {
  const site = await WebSite.make({ page: "<p>hi</p>", names: [], origins: [] });
  await using server = openRelay({ port: 0, wrap: site.wrap });
  const { port } = server.addr;
  const requests = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /unfinished HT",
  ].map(utf8);
  await assertNothingStays(server, 2000, async (visitor) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(requests[visitor]!);
    if (visitor < 3) await conn.read(new Uint8Array(4096));
  });
});

Deno.test("hundreds of members that come and go leave nothing behind", async () => {
  await using server = openRelay({ port: 0, limits: { rejoins: 1_000_000 } });
  const { port } = server.addr;
  const people = await Promise.all(
    Array.from({ length: AT_A_TIME }, (_, i) => guestCredential(`guest-${i}`, i)),
  );
  await assertNothingStays(server, 400, async (visitor) => {
    using socket = await RawSocket.dial(port);
    assertEquals(await socket.join(people[visitor]!), undefined);
    await socket.send(encodeEmpty(KIND.leave));
    await socket.bye();
  });
  assertEquals(server.state().members, 0);
});

Deno.test("kept() tells 4 KiB for each of two thousand apart from none", async () => {
  const before = await kept();
  let leak: Uint8Array[] | undefined = Array.from({ length: 2000 }, () => new Uint8Array(4096));
  const during = await kept();
  assertEquals(leak.length, 2000);
  leak = undefined;
  const after = await kept();
  assert(during - before > 2000 * 4096, `${during - before} bytes`);
  assert(Math.abs(after - before) < 2000 * BYTES_EACH, `${after - before} bytes`);
});
