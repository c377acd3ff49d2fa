// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import {
  type HostAddress,
  type HostProbe,
  type PingEvent,
  pingHosts,
  type PingHostsOptions,
  resolve,
} from "../../lib/info.ts";
import { ipv4, Responder, type Row } from "./dns/responder.ts";
import { SilentListener } from "./silent_listener.ts";

const QUICK = { intervalMs: 1, timeoutMs: 20_000 };

async function eventsOf(options: PingHostsOptions): Promise<PingEvent[]> {
  return await Array.fromAsync(pingHosts({ ...QUICK, ...options }));
}

function probesOf(events: readonly PingEvent[]): HostProbe[] {
  return events.filter((event) => event.kind === "probe");
}

/** A listener on a port of every address of the loopback. */
function listen(): Deno.TcpListener {
  return Deno.listen({ hostname: "::", port: 0 });
}

const V6_LOOPBACK = Uint8Array.from({ length: 16 }, (_, i) => i === 15 ? 1 : 0);

/** A name server whose rows can be changed, and a lookup of A and AAAA that asks it. */
function openNames(rows: { current: readonly Row[] | undefined }) {
  const server = new Responder(({ question: { name, type } }) => {
    if (rows.current === undefined) return { rcode: 2 };
    const wanted = type === 1 ? "A" : "AAAA";
    return {
      answer: rows.current.filter(([, of]) => of === wanted).map((
        [, of, data],
      ) => [name, of, data]),
    };
  });
  const lookUp = async (name: string): Promise<HostAddress[]> => {
    const found = await resolve(name, { server: server.address, timeoutMs: 20_000 });
    const addresses = found.flatMap(({ type, data }) =>
      data.map((address) => ({
        address: String(address),
        family: type === "A" ? "IPv4" as const : "IPv6" as const,
      }))
    );
    if (addresses.length === 0) throw found[0]!.failure;
    return addresses;
  };
  return { server, lookUp };
}

const BOTH: readonly Row[] = [
  ["", "A", ipv4("127.0.0.1")],
  ["", "A", ipv4("127.0.0.2")],
  ["", "AAAA", V6_LOOPBACK],
];

Deno.test("pingHosts() probes every address of a name in turn, each as often as requested", async () => {
  using listener = listen();
  const { server, lookUp } = openNames({ current: BOTH });
  await using _ = server;
  const hosts = [{ hostname: "both.example", port: listener.addr.port }];
  const events = await eventsOf({ hosts, lookUp, count: 3, intervalMs: 100 });
  assertEquals(events[0], {
    kind: "addresses",
    index: 0,
    addresses: ["127.0.0.1", "127.0.0.2", "::1"],
    added: ["127.0.0.1", "127.0.0.2", "::1"],
    removed: [],
    left_out: 0,
  });
  const probes = probesOf(events);
  assertEquals(new Set(probes.map(({ state }) => state)), new Set(["open"]));
  for (const address of ["127.0.0.1", "127.0.0.2", "::1"]) {
    const numbers = probes.filter((probe) => probe.address === address).map(({ seq }) => seq);
    assertEquals(numbers, [1, 2, 3], address);
  }
  // The first round, though the machine may be slow: no address is behind the others' second.
  assertEquals(new Set(probes.slice(0, 3).map(({ address }) => address)).size, 3);
});

Deno.test("pingHosts() probes one family, and fails if a host has no address of it", async () => {
  const { server, lookUp } = openNames({ current: BOTH });
  await using _ = server;
  const hosts = [{ hostname: "both.example", port: 1 }];
  const six = probesOf(await eventsOf({ hosts, lookUp, family: "IPv6", count: 1 }));
  assertEquals(six.map(({ address }) => address), ["::1"]);
  const four = probesOf(await eventsOf({ hosts, lookUp, family: "IPv4", count: 1 }));
  assertEquals(four.map(({ address }) => address), ["127.0.0.1", "127.0.0.2"]);
  const failure = await assertRejects(
    () => eventsOf({ hosts: [{ hostname: "127.0.0.1", port: 1 }], family: "IPv6" }),
    Failure,
  );
  assertEquals(
    failure.message,
    "cannot find 127.0.0.1: it has no IPv6 address (ENOTFOUND)",
  );
});

Deno.test("pingHosts() counts a refusal as lost if only an open port is an answer", async () => {
  const hosts = [{ hostname: "127.0.0.1", port: 1 }];
  const answered = async (open: boolean) =>
    probesOf(await eventsOf({ hosts, open, count: 1 })).map(({ state, answered }) => [
      state,
      answered,
    ]);
  assertEquals(await answered(false), [["refused", true]]);
  assertEquals(await answered(true), [["refused", false]]);
});

Deno.test("pingHosts() does not let a silent host delay the others", async () => {
  await using silent = await SilentListener.open("127.0.0.1");
  using listener = listen();
  const hosts = [silent, { hostname: "127.0.0.1", port: listener.addr.port }];
  const stop = new AbortController();
  const seen: string[] = [];
  const options = { hosts, count: 0, intervalMs: 1, timeoutMs: 3_600_000, signal: stop.signal };
  for await (const event of pingHosts(options)) {
    if (event.kind === "probe") seen.push(`${event.index} ${event.state}`);
    if (seen.length === 50) stop.abort();
  }
  assertEquals(new Set(seen), new Set(["1 open"]));
});

Deno.test("pingHosts() sees a silent port come back", async () => {
  await using silent = await SilentListener.open("127.0.0.1");
  let isAnswering = false;
  const states: string[] = [];
  for await (
    const event of pingHosts({ hosts: [silent], count: 0, intervalMs: 1, timeoutMs: 100 })
  ) {
    if (event.kind !== "probe") continue;
    if (states.at(-1) !== event.state) states.push(event.state);
    if (event.state === "open") break;
    if (!isAnswering) silent.answer();
    isAnswering = true;
  }
  assertEquals(states, ["timeout", "open"]);
});

Deno.test("pingHosts() follows a name to its new address, and leaves the old one", async () => {
  using listener = listen();
  const rows: { current: readonly Row[] | undefined } = { current: [["", "A", ipv4("127.0.0.1")]] };
  const { server, lookUp } = openNames(rows);
  await using _ = server;
  const hosts = [{ hostname: "moving.example", port: listener.addr.port }];
  const changes: PingEvent[] = [];
  const after: string[] = [];
  let last = 0;
  for await (const event of pingHosts({ ...QUICK, hosts, lookUp, count: 0, refreshMs: 50 })) {
    if (event.kind === "probe") {
      if (changes.length === 1) last = event.seq;
      if (event.address === "127.0.0.2") {
        // It goes on with the next number.
        if (after.length === 0) assert(event.seq > last - 2 && event.seq > 1, `${event.seq}`);
        after.push(event.address);
      }
      if (event.seq === 5) rows.current = [["", "A", ipv4("127.0.0.2")]];
      if (after.length > 20) break;
    } else changes.push(event);
  }
  assertEquals(changes[1], {
    kind: "addresses",
    index: 0,
    addresses: ["127.0.0.2"],
    added: ["127.0.0.2"],
    removed: ["127.0.0.1"],
    left_out: 0,
  });
  assertEquals(changes.length, 2);
});

Deno.test("pingHosts() goes on at the last addresses while a name server fails, and says so once", async () => {
  using listener = listen();
  const rows: { current: readonly Row[] | undefined } = { current: BOTH };
  const { server, lookUp } = openNames(rows);
  await using _ = server;
  let lookups = 0;
  const counted = (name: string) => {
    lookups += 1;
    return lookUp(name);
  };
  const failures: string[] = [];
  const hosts = [{ hostname: "both.example", port: listener.addr.port }];
  let probes = 0;
  let before = Infinity;
  const options = { ...QUICK, hosts, lookUp: counted, count: 0, refreshMs: 20 };
  for await (const event of pingHosts(options)) {
    if (event.kind === "lookup_failed") {
      failures.push(event.failure.code);
      before = lookups;
    }
    rows.current = undefined;
    if (event.kind === "probe") probes += 1;
    if (lookups > before + 3) break;
  }
  assertEquals(failures, ["SERVFAIL"]);
  assert(probes > 0);
});

Deno.test("pingHosts() looks a name up once if requested, and never looks up an address", async () => {
  using listener = listen();
  const { port } = listener.addr;
  const asked: string[] = [];
  const lookUp = (name: string): Promise<HostAddress[]> => {
    asked.push(name);
    return Promise.resolve([{ address: "127.0.0.1", family: "IPv4" }]);
  };
  const hosts = [{ hostname: "a.example", port }, { hostname: "127.0.0.1", port }];
  await eventsOf({ hosts: [...hosts, { hostname: "::1", port }], lookUp, refreshMs: 0, count: 20 });
  assertEquals(asked, ["a.example"]);
});

Deno.test("pingHosts() shows an address that no socket takes as unreachable, and goes on", async () => {
  const lookUp = (): Promise<HostAddress[]> =>
    Promise.resolve([
      { address: "fe80::1", family: "IPv6" },
      { address: "127.0.0.1", family: "IPv4" },
    ]);
  const hosts = [{ hostname: "odd.example", port: 1 }];
  const probes = probesOf(await eventsOf({ hosts, lookUp, count: 2, refreshMs: 0 }));
  const states = probes.map(({ address, state, error }) => `${address} ${state} ${error}`);
  assertEquals(states.sort(), [
    "127.0.0.1 refused null",
    "127.0.0.1 refused null",
    "fe80::1 unreachable EINVAL",
    "fe80::1 unreachable EINVAL",
  ]);
  // What a person typed is another matter.
  await assertRejects(() => eventsOf({ hosts: [{ hostname: "fe80::1", port: 1 }] }), Failure);
});

Deno.test("pingHosts() ends with its signal while a name is looked up, and while an answer is waited for", async () => {
  const stop = new AbortController();
  const lookUp = () => {
    queueMicrotask(() => stop.abort());
    return new Promise<HostAddress[]>(() => {});
  };
  const hosts = [{ hostname: "slow.example", port: 1 }];
  assertEquals(await eventsOf({ hosts, lookUp, signal: stop.signal }), []);
  await using silent = await SilentListener.open("127.0.0.1");
  const again = new AbortController();
  const options = { hosts: [silent], timeoutMs: 3_600_000, signal: again.signal };
  const kinds: string[] = [];
  for await (const event of pingHosts(options)) {
    kinds.push(event.kind);
    setTimeout(() => again.abort(), 50);
  }
  assertEquals(kinds, ["addresses"]);
});
