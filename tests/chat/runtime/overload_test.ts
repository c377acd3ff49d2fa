/**
 * A relay that is pressed, over real sockets on loopback: the others chat on.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { openRelay, type RelayEvent } from "../../../lib/tcp_chat.ts";
import { guestCredential, leave, say, texts, twoGuests } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";
import { repeated, unsignedFrame } from "../sealed_frame.ts";

Deno.test("a member that stops reading falls behind, is not ended, and the others chat on", async () => {
  const events: RelayEvent[] = [];
  await using server = openRelay({ port: 0, event: (event) => events.push(event) });
  const [ada, bo] = await twoGuests(server.addr.port);
  using stuck = await RawSocket.dial(server.addr.port);
  assertEquals(await stuck.join(await guestCredential("stuck", 2)), undefined);
  await until(() => ada.session.members().length === 3, "ada has seen it");
  // Twice as much as a relay keeps for one member.
  for (let said = 0; said < 128; said++) await say(ada, bo, `${said} `.padEnd(65_536, "x"));
  assertEquals(events.filter((event) => event.kind === "left"), []);
  assert(server.state().queueBytes < 12 << 20, `${server.state().queueBytes} bytes are kept`);
  await say(bo, ada, "still here");
  await leave(ada, bo);
});

Deno.test("connections that never finish joining are closed in favour of those that do", async () => {
  await using server = openRelay({ port: 0, limits: { pending: 50 } });
  const sockets: RawSocket[] = [];
  for (let i = 0; i < 80; i++) {
    const socket = await RawSocket.dial(server.addr.port);
    await socket.send(encodeGreeting(""));
    await socket.read(); // the challenge: the relay has taken it
    sockets.push(socket);
  }
  for (const socket of sockets.slice(0, 30)) assertEquals(await socket.bye(), "TOO_MANY_PENDING");
  const [ada, bo] = await twoGuests(server.addr.port);
  await say(ada, bo, "we are in");
  await leave(ada, bo);
  for (const socket of sockets) socket.close();
});

Deno.test("limits on an address and on an identity refuse with their reasons", async () => {
  const limits = { perAddress: 3, joinsPerAddress: 6, rejoins: 2 };
  await using server = openRelay({ port: 0, limits });
  const { port } = server.addr;
  const self = await guestCredential("again", 0);
  const joins: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) {
    using socket = await RawSocket.dial(port);
    joins.push(await socket.join(i < 3 ? self : await guestCredential("other", 1)));
    await socket.send(encodeEmpty(KIND.leave));
    await socket.bye();
  }
  const wanted = [undefined, undefined, "TOO_MANY_JOINS", undefined, undefined];
  assertEquals(joins, [...wanted, "TOO_MANY_JOINS", "TOO_MANY_JOINS"]);
  const sockets = [await RawSocket.dial(port), await RawSocket.dial(port)];
  for (const socket of sockets) {
    await socket.send(encodeGreeting(""));
    await socket.read();
  }
  const third = await RawSocket.dial(port);
  await third.send(encodeGreeting(""));
  await third.read();
  using fourth = await RawSocket.dial(port);
  assertEquals(await fourth.bye(), "TOO_MANY_FROM_ADDRESS");
  for (const socket of [...sockets, third]) socket.close();
});

Deno.test("a member that floods is read more slowly, not ended, and holds nobody up", async () => {
  const events: RelayEvent[] = [];
  const server = openRelay({
    port: 0,
    limits: { framesPerSecond: 10 },
    event: (event) => events.push(event),
  });
  const [ada, bo] = await twoGuests(server.addr.port);
  const self = await guestCredential("flood", 2);
  using flood = await RawSocket.dial(server.addr.port);
  await flood.join(self);
  const frame = unsignedFrame(3);
  // More than every buffer on the way takes: it ends when the relay closes the connection.
  const flooding = flood.send(repeated(frame, 200_000)).catch(() => {});
  const faults = () => bo.events.filter((event) => event.kind === "fault").length;
  await until(() => faults() > 0, "the flood has begun");
  for (let i = 0; i < 10; i++) await say(i % 2 === 0 ? ada : bo, i % 2 === 0 ? bo : ada, `${i}`);
  assertEquals(texts(bo).length + texts(ada).length, 10);
  assertEquals(events.filter((event) => event.kind === "left"), []);
  assertEquals(ada.session.members().length, 3);
  // A relay that waits to read on ends at once when it is told to.
  await server.close();
  await flooding;
  for (const guest of [ada, bo]) guest.session.leave();
  await Promise.all([ada.session.ended, bo.session.ended]);
});

Deno.test("the largest frames at full speed end no member that reads", async () => {
  const events: RelayEvent[] = [];
  // A rate that even a busy machine reads at. Twice as much goes as a relay keeps for one member.
  const limits = { bytesPerSecond: 1 << 20 };
  await using server = openRelay({ port: 0, limits, event: (event) => events.push(event) });
  const [ada, bo] = await twoGuests(server.addr.port);
  const self = await guestCredential("flood", 2);
  using flood = await RawSocket.dial(server.addr.port);
  await flood.join(self);
  const frame = unsignedFrame(3, (1 << 20) - 300);
  const flooding = (async () => {
    for (let i = 0; i < 8; i++) await flood.send(frame);
  })();
  const { tally } = server.state();
  for (let i = 0; tally.receivedBytes < 8 * frame.length; i++) await say(ada, bo, `word ${i}`);
  await flooding;
  assertEquals(events.filter((event) => event.kind === "left"), []);
  await leave(ada, bo);
});

Deno.test("unread answers do not accumulate", async () => {
  await using server = openRelay({ port: 0, limits: { framesPerSecond: 1_000_000 } });
  using rude = await RawSocket.dial(server.addr.port);
  await rude.join(await guestCredential("rude", 0));
  const pings = repeated(encodeEmpty(KIND.ping), 100_000);
  const sending = (async () => {
    while (true) await rude.send(pings);
  })();
  const failed = await sending.catch((error) => error);
  assert(failed instanceof Deno.errors.ConnectionReset || failed instanceof Deno.errors.BrokenPipe);
});
