/**
 * Recorded sessions, changed, and played to a relay over TCP: two members chat on.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";
import { joinRoom, type MemberEvent, openRelay, type RelayEvent } from "../../../lib/tcp_chat.ts";
import { nearly } from "../../fuzz/arbitraries.ts";
import { guestCredential, leave, say, twoGuests } from "../guests.ts";
import { RawSocket } from "../raw_socket.ts";
import { until } from "../room.ts";

const SESSIONS = 200;
const SEED = 4396;

/** What a member sent in a session of its own, from the greeting to its leaving. */
async function record(port: number): Promise<Bytes> {
  const sent: number[] = [];
  const events: MemberEvent[] = [];
  const session = await joinRoom({
    port,
    self: await guestCredential("eve", 2),
    event: (event) => events.push(event),
    tap: () => (direction, bytes) => {
      if (direction === "sent") sent.push(...bytes);
    },
  });
  const told = (kind: string) => events.filter((event) => event.kind === kind).length;
  await until(() => told("ready") === 1, "it is in");
  for (const [text, to] of [["one"], ["two", "ada"], ["three"]] as const) {
    assert(session.send(text, to).ok);
  }
  await until(() => told("delivered") === 3, "everything is delivered");
  session.leave();
  await session.ended;
  return new Uint8Array(sent);
}

function framesOf(session: Bytes): Bytes[] {
  const reader = new FrameReader(() => BOUND.frame);
  const frames = [...reader.push(session.slice(encodeGreeting("").length))];
  return frames.map(({ bytes }) => bytes.slice());
}

Deno.test(`${SESSIONS} recorded sessions with changes, played to a relay, harm nobody`, async () => {
  const events: RelayEvent[] = [];
  await using server = openRelay({
    port: 0,
    limits: { rejoins: 100_000 },
    event: (event) => events.push(event),
  });
  const { port } = server.addr;
  const [ada, bo] = await twoGuests(port);
  const session = await record(port);
  const frames = framesOf(session).filter((frame) => frame[4] !== KIND.join);
  const self = await guestCredential("eve", 2);
  const wholes = fc.sample(nearly([session]), { numRuns: SESSIONS / 2, seed: SEED });
  const inside = fc.sample(
    fc.array(nearly(frames, 40), { minLength: 1, maxLength: 6 }),
    { numRuns: SESSIONS / 2, seed: SEED },
  );
  const play = async (pieces: readonly Bytes[], joined: boolean) => {
    using socket = await RawSocket.dial(port);
    if (joined) assertEquals(await socket.join(self), undefined);
    const closed = (error: unknown) => {
      const { ConnectionReset, BrokenPipe } = Deno.errors;
      if (!(error instanceof ConnectionReset || error instanceof BrokenPipe)) throw error;
    };
    for (const piece of pieces) await socket.send(piece).catch(closed);
    // Whatever it was, the relay is done with it: by then it has answered, or waits for more.
    socket.close();
    await until(() => server.state().connections === 2, "the relay has let it go");
  };
  for (let i = 0; i < SESSIONS / 2; i++) {
    await play([wholes[i]!], false);
    await play(inside[i]!, true);
    if (i % 10 === 0) await say(i % 20 === 0 ? ada : bo, i % 20 === 0 ? bo : ada, `word ${i}`);
  }
  const left = new Set(events.flatMap((event) => event.kind === "left" ? [event.reason] : []));
  assert(left.has("BAD_FRAME"), [...left].join(" "));
  assertEquals(server.state().members, 2);
  await leave(ada, bo);
});
