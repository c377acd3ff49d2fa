/**
 * The room as a fold over its log.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { mapKey } from "../../../lib/base/bytes.ts";
import { foldName, nameLooks } from "../../../lib/chat/identity/name.ts";
import type { CountedFrame, Entry, JoinEntry } from "../../../lib/chat/relay/options.ts";
import { type Delivery, type Effect, isFor, Room } from "../../../lib/chat/relay/room.ts";
import { readLeft } from "../../../lib/chat/wire/control.ts";
import { kindName } from "../../../lib/chat/wire/kinds.ts";

const GENESIS: Entry = { kind: "genesis", room: new Uint8Array(32), maxMembers: 4 };
const NONE = new Uint8Array(0);

function joinOf(name: string, run = 0, fingerprint = name): JoinEntry {
  const member = new Uint8Array(32).fill(run);
  member.set(new TextEncoder().encode(name).subarray(0, 20), 1);
  const marks = { key: mapKey(member), name, folded: foldName(name), looks: nameLooks(name) };
  return { kind: "join", member, fingerprint, bytes: member, renewal: NONE, ...marks };
}

function frameOf(member: number, frame: CountedFrame): Entry {
  return { kind: "frame", member, frame };
}

function sealed(member: number, options: { route?: number; version?: number; number?: number }) {
  const { route = 0, version = 100, number = 1 } = options;
  const bytes = Uint8Array.of(0, 0, 0, 1, 0x11);
  return frameOf(member, { kind: "sealed", frames: 1, bytes, route, version, number });
}

function route(member: number, number: number, except: boolean, ...members: number[]): Entry {
  return frameOf(member, { kind: "route", route: number, except, members });
}

/** A room, and a log whose places are consecutive. */
class Log {
  readonly room = new Room();
  place = 0;

  constructor(...entries: Entry[]) {
    for (const entry of [GENESIS, ...entries]) this.apply(entry);
  }

  apply(entry: Entry): readonly Effect[] {
    return this.room.apply(entry, ++this.place);
  }

  /** What an entry delivers, as `kind:1,2` with the numbers of the recipients. */
  delivers(entry: Entry): string[] {
    const numbers = new Set([...this.room.members.values()].map(({ number }) => number));
    return this.apply(entry).flatMap((effect) => {
      if (effect.kind === "left") numbers.delete(effect.member.number);
      if (effect.kind === "joined") numbers.add(effect.member.number);
      if (effect.kind !== "deliver") return [];
      const { bytes, to } = effect.delivery;
      return [`${kindName(bytes[4]!)}:${[...numbers].filter((number) => isFor(to, number))}`];
    });
  }

  kinds(entry: Entry): string[] {
    return this.apply(entry).map(({ kind }) => kind);
  }
}

/** The deliveries that entries cause. */
function deliveriesOf(log: Log, ...entries: Entry[]): Delivery[] {
  return entries.flatMap((entry) => log.apply(entry))
    .flatMap((effect) => effect.kind === "deliver" ? [effect.delivery] : []);
}

const THREE = [joinOf("ada"), joinOf("bo"), joinOf("cy")];

Deno.test("sealed frames go to the roster at their version, less their sender", () => {
  const log = new Log(...THREE);
  assertEquals(log.delivers(sealed(1, {})), ["sealed:2,3"]);
  assertEquals(log.delivers(sealed(1, { version: 2 })), ["sealed:2"]);
  assertEquals(log.delivers(sealed(2, { version: 1 })), ["sealed:1"]);
  assertEquals(log.delivers(sealed(9, {})), []);
});

Deno.test("a route names some members or all but some, and a new declaration replaces the one before", () => {
  const log = new Log(...THREE, joinOf("dee"));
  log.apply(route(1, 1, true, 2));
  log.apply(route(1, 2, false, 2, 3, 99, 1));
  assertEquals(log.delivers(sealed(1, { route: 1 })), ["sealed:3,4"]);
  assertEquals(log.delivers(sealed(1, { route: 2 })), ["sealed:2,3"]);
  // Who joined after the version gets nothing, named or not.
  assertEquals(log.delivers(sealed(1, { route: 2, version: 2 })), ["sealed:2"]);
  assertEquals(log.kinds(sealed(2, { route: 1 })), ["breach"]);
  log.apply(route(1, 2, false, 4));
  assertEquals(log.delivers(sealed(1, { route: 2 })), ["sealed:4"]);
  log.apply({ kind: "leave", member: 4, reason: "LEFT", statement: NONE });
  assertEquals(log.delivers(sealed(1, { route: 2 })), ["sealed:"]);
});

Deno.test("the routes of a member name at most 16,384 members, absent and repeated ones included", () => {
  const log = new Log(...THREE);
  const many = Array.from({ length: 16_000 }, (_, i) => i);
  assertEquals(log.kinds(route(1, 1, false, ...many)), ["counted"]);
  assertEquals(log.kinds(route(1, 1, false, ...many)), ["counted"]);
  assertEquals(log.kinds(route(1, 2, false, ...many.map(() => 2))), ["counted"]);
  assertEquals(log.kinds(route(1, 3, false, ...many.slice(0, 383))), ["counted"]);
  const before = log.room.members.get(1)?.received;
  const [breach] = log.apply(route(1, 4, false, 5));
  assert(breach?.kind === "breach" && breach.reason === "TOO_MANY_ROUTES");
  assertEquals(log.room.members.get(1)?.received, before);
});

Deno.test("a pair frame goes to its recipient or nowhere, and a failed look-up is charged", () => {
  const log = new Log(...THREE);
  const pair = (recipient: number) => frameOf(1, { kind: "pair", recipient, bytes: NONE });
  const cost = (entry: Entry) => {
    const [effect] = log.apply(entry);
    return effect?.kind === "counted" ? effect.cost : undefined;
  };
  assertEquals([cost(pair(2)), cost(pair(9)), cost(pair(1))], [0, 256, 256]);
  assertEquals(log.room.members.get(1)?.received, 3);
});

Deno.test("`lost` makes a member away once, `back` undoes it, and a `lost` that follows an older entry does nothing", () => {
  const log = new Log(...THREE);
  const last = () => log.room.members.get(2)!.last;
  const stale = last();
  log.apply(sealed(2, {}));
  assertEquals(log.delivers({ kind: "lost", member: 2, follows: stale }), []);
  assertEquals(log.delivers({ kind: "lost", member: 2, follows: last() }), ["away:1,3"]);
  assertEquals(log.delivers({ kind: "lost", member: 2, follows: last() }), []);
  assertEquals(log.delivers({ kind: "back", member: 2 }), ["back:1,3"]);
  assertEquals(log.delivers({ kind: "back", member: 2 }), []);
});

Deno.test("`expire` removes a member only if nothing of it followed the `lost` entry that it names", () => {
  for (const between of [[], [{ kind: "back", member: 2 }], [sealed(2, {})]] as Entry[][]) {
    const log = new Log(...THREE);
    log.apply({ kind: "lost", member: 2, follows: log.room.members.get(2)!.last });
    const lostAt = log.place;
    for (const entry of between) log.apply(entry);
    const kinds = log.kinds({ kind: "expire", member: 2, follows: lostAt });
    assertEquals(kinds, between.length === 0 ? ["left", "deliver"] : []);
  }
  const log = new Log(...THREE);
  assertEquals(
    log.kinds({ kind: "expire", member: 2, follows: log.room.members.get(2)!.last }),
    [],
  );
});

Deno.test("a `back` that races an `expire` keeps the member, whichever is appended first", () => {
  const log = new Log(...THREE);
  log.apply({ kind: "lost", member: 2, follows: log.room.members.get(2)!.last });
  const first = log.place;
  log.apply({ kind: "back", member: 2 });
  log.apply({ kind: "lost", member: 2, follows: log.room.members.get(2)!.last });
  // The expire of the first loss arrives late, while the member is away for the second time.
  assertEquals(log.kinds({ kind: "expire", member: 2, follows: first }), []);
  assertEquals(log.room.members.size, 3);
});

Deno.test("a newcomer replaces the same credential, and an earlier run of its identity that is away", () => {
  const log = new Log(...THREE);
  assertEquals(log.delivers(joinOf("ada")), ["left:2,3", "joined:2,3"]);
  // Another run with the name of bo, while bo is connected.
  const again = joinOf("bo", 7);
  const [refused] = log.apply(again);
  assert(refused?.kind === "refused" && refused.reason === "NAME_TAKEN");
  log.apply({ kind: "lost", member: 2, follows: log.room.members.get(2)!.last });
  const [other] = log.apply(joinOf("bo", 8, "somebody else"));
  assert(other?.kind === "refused" && other.reason === "NAME_AWAY");
  assertEquals(log.kinds(again).filter((kind) => kind !== "deliver"), ["left", "joined"]);
});

Deno.test("a newcomer that is refused replaces nobody", () => {
  const log = new Log(...THREE, joinOf("dee"));
  const [full] = log.apply(joinOf("eve"));
  assert(full?.kind === "refused" && full.reason === "ROOM_FULL");
  // Coming again takes one's own place.
  assertEquals(log.kinds(joinOf("dee")).includes("joined"), true);
  assertEquals(log.room.members.size, 4);
});

Deno.test("a newcomer is told who is away, after the others heard of it", () => {
  const log = new Log(...THREE);
  log.apply({ kind: "lost", member: 2, follows: log.room.members.get(2)!.last });
  assertEquals(log.delivers(joinOf("dee")), ["joined:1,2,3", "away:4"]);
});

Deno.test("`behind` leaves out sealed frames of one sender for one recipient until `rejoin`", () => {
  const log = new Log(...THREE);
  log.apply(route(1, 1, false, 2, 3));
  const behind: Entry = { kind: "behind", sender: 1, recipient: 2, number: 5 };
  assertEquals(log.delivers(behind), ["behind:1"]);
  assertEquals(log.delivers(sealed(1, {})), ["sealed:3"]);
  assertEquals(log.delivers(sealed(1, { route: 1 })), ["sealed:3"]);
  assertEquals(log.delivers(sealed(3, {})), ["sealed:1,2"]);
  assertEquals(log.delivers(frameOf(1, { kind: "pair", recipient: 2, bytes: sealedBytes() })), [
    "sealed:2",
  ]);
  log.apply(frameOf(1, { kind: "rejoin", recipient: 2 }));
  assertEquals(log.delivers(sealed(1, {})), ["sealed:2,3"]);
  assertEquals(log.delivers(sealed(1, { route: 1 })), ["sealed:2,3"]);
});

function sealedBytes() {
  return Uint8Array.of(0, 0, 0, 1, 0x11);
}

Deno.test("versions count joinings and leavings, and `left` names the member by its number", () => {
  const log = new Log(...THREE);
  const effects = log.apply({ kind: "leave", member: 2, reason: "REMOVED", statement: NONE });
  const [left] = effects.flatMap((one) => one.kind === "deliver" ? [one.delivery.bytes] : []);
  const expected = { version: 4, member: 2, reason: "REMOVED", statement: NONE } as const;
  assertEquals(readLeft(left!.subarray(5)), expected);
  assertEquals(log.room.version, 4);
});

const arbitraryEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.constantFrom("ada", "bo", "cy", "dee", "Ada").chain((name) =>
    fc.nat(2).map((run) => joinOf(name, run, name.toLowerCase()))
  ),
  fc.tuple(fc.nat(8), fc.nat(3), fc.nat(9)).map(([member, route, version]) =>
    sealed(member, { route, version })
  ),
  fc.tuple(fc.nat(8), fc.nat(8)).map(([member, recipient]) =>
    frameOf(member, { kind: "pair", recipient, bytes: NONE })
  ),
  fc.tuple(fc.nat(8), fc.nat(3), fc.boolean(), fc.array(fc.nat(9))).map((
    [member, n, except, all],
  ) => route(member, n + 1, except, ...all)),
  fc.tuple(fc.nat(8), fc.nat(40), fc.constantFrom("lost" as const, "expire" as const)).map(
    ([member, follows, kind]) => ({ kind, member, follows }),
  ),
  fc.nat(8).map((member) => ({ kind: "back" as const, member })),
  fc.nat(8).map((member) => frameOf(member, { kind: "here", bytes: NONE })),
  fc.tuple(fc.nat(8), fc.nat(8)).map(([member, recipient]) =>
    frameOf(member, { kind: "rejoin", recipient })
  ),
  fc.tuple(fc.nat(8), fc.nat(8)).map(([sender, recipient]) => ({
    kind: "behind" as const,
    sender,
    recipient,
    number: 1,
  })),
  fc.nat(8).map((member) => ({
    kind: "leave" as const,
    member,
    reason: "LEFT" as const,
    statement: NONE,
  })),
);

Deno.test("apply() is pure: the same log gives the same deliveries and the same state, without clock or random numbers", () => {
  const { now } = Date;
  const { random } = Math;
  const { getRandomValues } = crypto;
  const forbidden = () => {
    throw new Error("not in a fold");
  };
  fc.assert(
    fc.property(fc.array(arbitraryEntry, { maxLength: 60 }), (entries) => {
      const run = () => {
        const log = new Log();
        const deliveries = entries.flatMap((entry) => log.delivers(entry));
        const members = [...log.room.members.values()].map(({ number, received, isAway }) => ({
          number,
          received,
          isAway,
        }));
        return { deliveries, members, version: log.room.version };
      };
      Date.now = forbidden;
      Math.random = forbidden;
      crypto.getRandomValues = forbidden;
      try {
        assertEquals(run(), run());
      } finally {
        Date.now = now;
        Math.random = random;
        crypto.getRandomValues = getRandomValues;
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("a sealed frame is charged once for each member that it reaches, whatever its route, its version and who is behind", () => {
  fc.assert(
    fc.property(fc.array(arbitraryEntry, { maxLength: 60 }), (entries) => {
      const log = new Log(...THREE);
      for (const entry of entries) {
        const effects = log.apply(entry);
        const [counted, ...more] = effects.filter(({ kind }) => kind === "counted");
        if (entry.kind !== "frame" || entry.frame.kind !== "sealed") continue;
        if (counted?.kind !== "counted") continue;
        const { bytes } = entry.frame;
        const [{ to }] = effects.flatMap((one) => one.kind === "deliver" ? [one.delivery] : []) as [
          Delivery,
        ];
        const reached = [...log.room.members.keys()].filter((number) => isFor(to, number));
        const { recipients, cost } = counted;
        assertEquals([recipients, more.length], [reached.length, 0]);
        assertEquals(cost, reached.length > 0 ? reached.length * bytes.length : 256);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a route makes no frame cheaper by naming its sender, members that joined later, left, or are behind", () => {
  const log = new Log({ ...GENESIS, maxMembers: 9 }, ...THREE, joinOf("dee"), joinOf("eli"));
  const recipients = (route: number, version: number) => {
    const counted = log.apply(sealed(1, { route, version })).find(({ kind }) => kind === "counted");
    return counted?.kind === "counted" ? counted.recipients : undefined;
  };
  log.apply(route(1, 1, true, 1, 4, 5));
  log.apply(route(1, 2, false, 1, 2, 3, 4, 5));
  assertEquals([recipients(0, 3), recipients(1, 3), recipients(2, 3)], [2, 2, 2]);
  log.apply({ kind: "behind", sender: 1, recipient: 2, number: 1 });
  log.apply(route(1, 1, true, 2));
  assertEquals([recipients(0, 3), recipients(1, 3), recipients(2, 3)], [1, 1, 1]);
  log.apply({ kind: "leave", member: 3, reason: "LEFT", statement: NONE });
  assertEquals([recipients(0, 5), recipients(1, 5), recipients(2, 5)], [2, 2, 2]);
  assertEquals([recipients(0, 3), recipients(1, 3), recipients(2, 3)], [0, 0, 0]);
});

Deno.test("frames over routes that alternate share the sets that were declared, whose memory is counted once", () => {
  const log = new Log(...THREE, route(1, 1, true, 2), route(1, 2, true, 3));
  log.apply({ kind: "behind", sender: 1, recipient: 3, number: 1 });
  const frames = Array.from({ length: 100 }, (_, i) => sealed(1, { route: 1 + i % 2 }));
  const deliveries = deliveriesOf(log, ...frames);
  const sets = deliveries.flatMap(({ to: { except, behind } }) => [except, behind]);
  assertEquals([deliveries.length, new Set(sets).size], [100, 3]);
  const weights = deliveries.map(({ to }) => to.weight ?? 0);
  assertEquals([weights.filter((weight) => weight > 0).length, weights[0]! > 0], [2, true]);
  // Another declaration is another set.
  const more = deliveriesOf(log, route(1, 1, true, 2), sealed(1, { route: 1 }));
  assertEquals(more.at(-1)!.to.weight, weights[0]);
});
