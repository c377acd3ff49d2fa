// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { readPublicName } from "../../../lib/base/host_port.ts";
import { Door, EntryRules, Pace, sourceOf } from "../../../lib/chat/relay/admission_control.ts";
import {
  DEFAULT_LIMITS,
  JOINS_PER_ADDRESS,
  type Limits,
  PER_ADDRESS,
} from "../../../lib/chat/relay/options.ts";

interface Caller {
  readonly name: number;
}

function door(limits: Partial<Limits> = {}): Door<Caller> {
  return new Door<Caller>({ ...DEFAULT_LIMITS, ...limits }, 0);
}

function callers(count: number): Caller[] {
  return Array.from({ length: count }, (_, name) => ({ name }));
}

const FAR = sourceOf("192.0.2.1");
const OTHER = sourceOf("198.51.100.7");
const LOCAL = sourceOf("127.0.0.1");

Deno.test("sourceOf() groups IPv6 addresses by /64 network, reads mapped IPv4 ones as IPv4, and knows this machine's own", () => {
  const keys = {
    "192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "2001:db8::1": "2001:db8:0:0::/64",
    "2001:db8:0:0:ffff::2": "2001:db8:0:0::/64",
    "2001:DB8:0:1::1": "2001:db8:0:1::/64",
    "fe80::1%eth0": "fe80:0:0:0::/64",
    "::": "0:0:0:0::/64",
  };
  for (const [address, key] of Object.entries(keys)) {
    assertEquals(sourceOf(address), { key, local: false }, address);
  }
  for (const address of ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "::1", "0:0:0:0:0:0:0:1"]) {
    assert(sourceOf(address).local, address);
  }
});

Deno.test("connections are limited for each address", () => {
  const one = door({ perAddress: 2 });
  const [a, b, c, d] = callers(4) as [Caller, Caller, Caller, Caller];
  assertEquals(one.arrive(a, FAR, 0), undefined);
  assertEquals(one.arrive(b, FAR, 0), undefined);
  assertEquals(one.arrive(c, FAR, 0), "TOO_MANY_FROM_ADDRESS");
  assertEquals(one.arrive(d, OTHER, 0), undefined);
  one.settled(a); // it is in, and still there
  assertEquals(one.arrive(c, FAR, 0), "TOO_MANY_FROM_ADDRESS");
  one.gone(a);
  assertEquals(one.arrive(c, FAR, 0), undefined);
});

Deno.test("an address pays for the connections that it opens, ten for each join that it may make", () => {
  const one = door({ perAddress: Infinity, joinsPerAddress: 6 });
  const opened = (source: typeof FAR, now: number) =>
    callers(100).filter((caller) => one.arrive(caller, source, now) === undefined).length;
  assertEquals(opened(FAR, 0), 60);
  assertEquals(opened(FAR, 5_000), 5);
  assertEquals(opened(OTHER, 5_000), 60);
  const free = door({ perAddress: Infinity });
  assertEquals(callers(5_000).filter((caller) => free.arrive(caller, LOCAL, 0)).length, 0);
});

Deno.test("this machine's own connections are bounded only where the limit is given", () => {
  const free = door();
  const bound = door({ perAddress: 1 });
  const refused = (which: Door<Caller>, source: typeof LOCAL) =>
    callers(PER_ADDRESS + 1).filter((caller) => which.arrive(caller, source, 0) !== undefined)
      .length;
  assertEquals(refused(free, LOCAL), 0);
  assertEquals(refused(free, FAR), 1);
  assertEquals(refused(bound, LOCAL), PER_ADDRESS);
});

Deno.test("if too many connections wait, the one that has been silent longest is closed", () => {
  const one = door({ pending: 2 });
  const [a, b, c, d] = callers(4) as [Caller, Caller, Caller, Caller];
  for (const caller of [a, b]) one.arrive(caller, FAR, 0);
  assertEquals(one.surplus(), undefined);
  one.ask(a, 0);
  one.arrive(c, OTHER, 0);
  assertEquals(one.surplus(), b);
  one.gone(b);
  one.ask(c, 0);
  assertEquals(one.surplus(), undefined);
  one.arrive(d, OTHER, 0);
  assertEquals(one.surplus(), d);
});

Deno.test("if all waiting connections have asked to join, the one that asked last is closed", () => {
  const one = door({ pending: 5 });
  const all = callers(6);
  for (const caller of all) {
    one.arrive(caller, FAR, 0);
    one.ask(caller, 0);
  }
  assertEquals(one.pending, 6);
  assertEquals(one.surplus(), all[5]);
});

Deno.test("if too many connections wait, one of the source with the most of them is closed", () => {
  const one = door({ pending: 3 });
  const [a, b, c, d, e] = callers(5) as [Caller, Caller, Caller, Caller, Caller];
  one.arrive(a, OTHER, 0); // the one that has been silent for longest of all
  one.arrive(b, FAR, 0);
  one.arrive(c, FAR, 0);
  one.arrive(d, FAR, 0);
  assertEquals(one.surplus(), b);
  one.gone(b);
  // Of two alike, one that has not asked.
  one.ask(a, 0);
  one.ask(c, 0);
  one.gone(d);
  one.arrive(d, sourceOf("203.0.113.1"), 0);
  one.arrive(e, sourceOf("203.0.113.2"), 0);
  assertEquals(one.surplus(), d);
});

Deno.test("addresses take turns: a thousand joins of one address do not delay those of another", () => {
  const one = door({ perAddress: 1e6, joinsPerAddress: 1e6, joinsPerSecond: 1 });
  const ask = (caller: Caller, source: typeof FAR, now: number) => {
    one.arrive(caller, source, 0);
    assertEquals(one.ask(caller, now), undefined);
  };
  const served = (now: number): Caller[] => {
    const all: Caller[] = [];
    for (let next = one.next(now); next !== undefined; next = one.next(now)) {
      all.push(next);
      one.gone(next);
    }
    return all;
  };
  for (const caller of callers(1024)) ask(caller, FAR, 0);
  assertEquals(served(0).length, 1024); // the burst
  for (const caller of callers(1000)) ask(caller, FAR, 0);
  const [a, b] = callers(2) as [Caller, Caller];
  ask(a, OTHER, 0);
  ask(b, OTHER, 0);
  const order = [1, 2, 3, 4].flatMap((second) => served(second * 1000));
  assertEquals(order.map((caller) => caller === a ? "a" : caller === b ? "b" : "junk"), [
    "junk",
    "a",
    "junk",
    "b",
  ]);
});

Deno.test("joins are checked four at a time, in the order of asking", () => {
  const one = door();
  const all = callers(6);
  for (const caller of all) {
    one.arrive(caller, FAR, 0);
    one.ask(caller, 0);
  }
  const next = () => one.next(0);
  assertEquals([next(), next(), next(), next(), next()], [...all.slice(0, 4), undefined]);
  one.settled(all[2]!);
  assertEquals([next(), next()], [all[4], undefined]);
  one.gone(all[5]!);
  one.gone(all[0]!);
  assertEquals(next(), undefined);
});

Deno.test("joins are checked at the configured rate, whatever their addresses", () => {
  const one = door({ joinsPerSecond: 10, joinsPerAddress: 10_000 });
  let checked = 0;
  const run = (now: number, count: number) => {
    for (const caller of callers(count)) {
      one.arrive(caller, LOCAL, 0);
      one.ask(caller, now);
    }
    for (let next = one.next(now); next !== undefined; next = one.next(now)) {
      checked += 1;
      one.gone(next);
    }
  };
  run(0, 3000);
  assertEquals(checked, 1024); // the burst
  run(999, 0);
  assertEquals(checked, 1033);
  run(10_001, 0);
  assertEquals(checked, 1124);
});

Deno.test("joins from the relay's own process are checked at any rate", () => {
  const one = door({ joinsPerSecond: 1 });
  for (let i = 0; i < 2000; i++) {
    const caller = { name: i };
    assertEquals(one.ask(caller, 0), undefined);
    assertEquals(one.next(0), caller);
    one.gone(caller);
  }
});

Deno.test("joins in a minute are limited for each address", () => {
  const one = door({ joinsPerAddress: 3 });
  const ask = (source: typeof FAR, now: number) => {
    const caller = { name: 0 };
    one.arrive(caller, source, 0);
    const reason = one.ask(caller, now);
    one.gone(caller);
    return reason;
  };
  assertEquals([0, 0, 0].map((now) => ask(FAR, now)), [undefined, undefined, undefined]);
  assertEquals(ask(FAR, 19_999), "TOO_MANY_JOINS");
  assertEquals(ask(OTHER, 0), undefined);
  assertEquals(ask(FAR, 20_000), undefined);
  assertEquals(ask(FAR, 20_000), "TOO_MANY_JOINS");
});

Deno.test("this machine's own joins are bounded only where the limit is given", () => {
  const refused = (limits: Partial<Limits>, source: typeof LOCAL) => {
    const one = door({ perAddress: 1000, ...limits });
    const asking = callers(JOINS_PER_ADDRESS + 1);
    for (const caller of asking) one.arrive(caller, source, 0);
    return asking.filter((caller) => one.ask(caller, 0) !== undefined).length;
  };
  assertEquals(refused({}, LOCAL), 0);
  assertEquals(refused({}, FAR), 1);
  assertEquals(refused({ joinsPerAddress: 100 }, LOCAL), JOINS_PER_ADDRESS + 1 - 100);
});

Deno.test("rejoins in a minute are limited for each identity", () => {
  const one = door({ rejoins: 2 });
  const again = [0, 0, 0, 30_000].map((now) => one.admit("SHA256:a", now));
  assertEquals(again, [undefined, undefined, "TOO_MANY_JOINS", undefined]);
  assertEquals(one.admit("SHA256:b", 0), undefined);
});

Deno.test("a member that sends too many frames or bytes, or has too many forwarded, is read more slowly", () => {
  const limits = {
    ...DEFAULT_LIMITS,
    framesPerSecond: 10,
    bytesPerSecond: 1000,
    fanoutPerSecond: 5000,
  };
  const pace = () => new Pace(limits, 0);
  assertEquals(pace().spend({ frames: 20, bytes: 250, fanout: 10_000 }, 0), 0);
  assertEquals(pace().spend({ frames: 21, bytes: 0, fanout: 0 }, 0), 100);
  assertEquals(pace().spend({ frames: 1, bytes: 350, fanout: 0 }, 0), 100);
  assertEquals(pace().spend({ frames: 1, bytes: 1, fanout: 15_000 }, 0), 1000);
  const steady = pace();
  // At half its rate it is never held up.
  for (let now = 0; now < 100_000; now += 100) {
    assertEquals(steady.spend({ frames: 0.5, bytes: 50, fanout: 250 }, now), 0);
  }
});

Deno.test("a member that comes back over another connection keeps its costs", () => {
  const pace = new Pace({ ...DEFAULT_LIMITS, framesPerSecond: 1000 }, 0);
  const burst = { frames: 3_000, bytes: 1, fanout: 0 };
  assertEquals(pace.spend(burst, 0), 1_000);
  assertEquals([pace.resume(0), pace.resume(999), pace.resume(1_000)], [false, false, true]);
  // Coming back has a price of its own.
  assertEquals(pace.spend({ ...burst, frames: 0 }, 1_000), 100);
});

Deno.test("allowsName() takes a public name in any form, with or without a port", () => {
  const forms = ["[::1]", "0::1", "::1", "[::1]:4396", "[0:0::1]:4396", "::1%lo", "[::1%lo]:4396"];
  for (const name of forms) {
    const rules = new EntryRules({ publicNames: ["other.example", name] });
    for (const host of ["::1", "0::1", "::1%eth0", "[::1]"]) {
      assertEquals(rules.allowsName({ host, port: 4396 }), true, `${host} by ${name}`);
    }
    assertEquals(rules.allowsName({ host: "::2", port: 4396 }), false, name);
    const hasPort = readPublicName(name).port !== undefined;
    assertEquals(rules.allowsName({ host: "::1", port: 4397 }), !hasPort, name);
  }
  const rules = new EntryRules({ publicNames: ["Chat.Example.:4396"] });
  assertEquals(rules.allowsName({ host: "chat.example", port: 4396 }), true);
  assertEquals(rules.allowsName({ host: "chat.example", port: 1 }), false);
});
