/**
 * Members and a relay over links that the program brings along: no socket is opened.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Dial,
  Failure,
  joinRoom,
  type Link,
  type MemberEvent,
  openRelay,
  type OwnCredential,
  type RelayEvent,
  type RelayHost,
  type Session,
} from "../../../lib/tcp_chat.ts";
import { HandClock } from "../../fixtures/hand_clock.ts";
import { guestCredential } from "../guests.ts";
import { fakeLink } from "../links.ts";
import { until } from "../room.ts";
import { StreamNetwork } from "../stream_link.ts";

/** Opens a relay that members reach over streams alone. */
function streamRelay(network: StreamNetwork, event?: (event: RelayEvent) => void): RelayHost {
  const publicNames = ["room.test:7"];
  return openRelay({
    listen: false,
    sources: [network],
    publicNames,
    ...(event === undefined ? {} : { event }),
  });
}

async function join(network: StreamNetwork, name: string, key: number) {
  const events: MemberEvent[] = [];
  const session = await joinRoom({
    hostname: "room.test",
    port: 7,
    dial: network.dial,
    self: await guestCredential(name, key),
    event: (event) => events.push(event),
  });
  await until(() => events.some(({ kind }) => kind === "ready"), `${name} is in`);
  return { session, events };
}

function texts(events: readonly MemberEvent[]): string[] {
  return events.flatMap((event) => event.kind === "message" ? [event.text] : []);
}

async function leaveAll(...sessions: Session[]): Promise<void> {
  for (const session of sessions) session.leave();
  await Promise.all(sessions.map(({ ended }) => ended));
}

Deno.test("members join and talk over a link of their own that delivers every byte by itself", async () => {
  const network = new StreamNetwork();
  const relayEvents: RelayEvent[] = [];
  await using relay = streamRelay(network, (event) => relayEvents.push(event));
  const ada = await join(network, "ada", 0);
  const bo = await join(network, "bo", 1);
  const hostEvents: MemberEvent[] = [];
  const host = relay.join({
    self: await guestCredential("host", 2),
    event: (event) => hostEvents.push(event),
  });
  await until(() => hostEvents.some(({ kind }) => kind === "ready"), "the host is in");
  await until(() => ada.session.members().length === 3, "ada sees three");
  assert(ada.session.send("hello").ok);
  assert(bo.session.send("to ada alone", "ada").ok);
  await until(() => texts(bo.events).length === 1 && texts(hostEvents).length === 1, "all heard");
  await until(() => texts(ada.events).length === 1, "ada has heard");
  assertEquals([texts(bo.events), texts(hostEvents)], [["hello"], ["hello"]]);
  assertEquals(texts(ada.events), ["to ada alone"]);
  const [connected] = relayEvents;
  assertEquals(connected, { kind: "connected", from: { hostname: "192.0.2.1", port: 1 } });
  await leaveAll(ada.session, bo.session, host);
  await until(() => relay.state().connections === 0, "every link has ended");
});

Deno.test("a member whose own link breaks dials again and resumes", async () => {
  const network = new StreamNetwork();
  await using _relay = streamRelay(network);
  const ada = await join(network, "ada", 0);
  const bo = await join(network, "bo", 1);
  network.links[0]!.close();
  await until(() => ada.events.some(({ kind }) => kind === "reconnected"), "ada is back");
  assert(bo.session.send("still there?").ok);
  await until(() => texts(ada.events).length === 1, "ada has heard");
  assertEquals(network.links.length, 3);
  await leaveAll(ada.session, bo.session);
});

Deno.test("the proof names what was dialled, whatever carries the bytes", async () => {
  const network = new StreamNetwork();
  await using _relay = streamRelay(network);
  const events: MemberEvent[] = [];
  const session = await joinRoom({
    hostname: "other.test",
    dial: network.dial,
    self: await guestCredential("ada", 0),
    event: (event) => events.push(event),
  });
  await session.ended;
  assertEquals(events.map((event) => event.kind === "ended" ? event.reason : event.kind), [
    "BAD_PROOF",
  ]);
});

Deno.test("joinRoom() passes on why dial() fails, and refuses both dial and tls", async () => {
  const self = await guestCredential("ada", 0);
  const failure = new Failure({ what: "cannot dial", why: "no route", code: "NO_ROUTE" });
  const options = { self, event: () => {}, dial: () => Promise.reject(failure) };
  assertEquals(await assertRejects(() => joinRoom(options)), failure);
  await assertRejects(() => joinRoom({ ...options, tls: {} }), TypeError, "both dial and tls");
  const reason = new Error("changed my mind");
  const signal = AbortSignal.abort(reason);
  assertEquals(await assertRejects(() => joinRoom({ ...options, signal })), reason);
});

/** What joins with keys that the test provides, or withholds. */
function waitingFor(self: Promise<OwnCredential>, dial: Dial): Promise<Session> {
  return joinRoom({ hostname: "room.test", port: 7, self, dial, event: () => {} });
}

Deno.test("joinRoom() dials before there are keys: a failure is told without them", async () => {
  const failure = new Failure({ what: "cannot dial", why: "no route", code: "NO_ROUTE" });
  const never = new Promise<never>(() => {});
  assertEquals(
    await assertRejects(() => waitingFor(never, () => Promise.reject(failure))),
    failure,
  );
});

Deno.test("keys that cannot be generated close the link, also one that is made later", async () => {
  const failure = new Error("no keys");
  let closed = 0;
  const link = fakeLink({ close: () => closed += 1 });
  const keys = Promise.reject(failure);
  assertEquals(await assertRejects(() => waitingFor(keys, () => Promise.resolve(link))), failure);
  await until(() => closed === 1, "the link is closed");
  const late = Promise.withResolvers<Link>();
  let dialled: AbortSignal | undefined;
  const dial = (signal: AbortSignal) => (dialled = signal, late.promise);
  assertEquals(await assertRejects(() => waitingFor(keys, dial)), failure);
  assertEquals(dialled?.reason, failure);
  late.resolve(link);
  await until(() => closed === 2, "the late link is closed");
});

Deno.test("whoever gives up while the keys are generated does not join, and the link is closed", async () => {
  let closed = 0;
  const link = fakeLink({ close: () => closed += 1, send: () => assert(false) });
  const [given, keys] = [new AbortController(), Promise.withResolvers<OwnCredential>()];
  const options = { self: keys.promise, event: () => {}, dial: () => Promise.resolve(link) };
  const joining = assertRejects(() => joinRoom({ ...options, signal: given.signal }));
  const reason = new Error("changed my mind");
  given.abort(reason);
  keys.resolve(await guestCredential("ada", 0));
  assertEquals(await joining, reason);
  await until(() => closed === 1, "the link is closed");
});

Deno.test("a link that has waited long for keys is replaced: the relay soon ends it", async () => {
  for (const [waitedMs, links] of [[4_999, 1], [5_000, 2]] as const) {
    using clock = new HandClock();
    const network = new StreamNetwork();
    await using _relay = streamRelay(network);
    const self = await guestCredential("ada", 0);
    const keys = Promise.withResolvers<OwnCredential>();
    const made = Promise.withResolvers<void>();
    const joining = waitingFor(keys.promise, async () => {
      const link = await network.dial();
      made.resolve();
      return link;
    });
    await made.promise;
    // The time is taken once the link is there.
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock.pass(waitedMs);
    keys.resolve(self);
    const session = await joining;
    await until(() => session.connected, "ada is in");
    assertEquals(network.links.length, links);
    await leaveAll(session);
  }
});

Deno.test("a relay that listens on TCP takes links of other sources beside it", async () => {
  const network = new StreamNetwork();
  await using relay = openRelay({ port: 0, sources: [network] });
  const ada = await join(network, "ada", 0);
  const events: MemberEvent[] = [];
  const bo = await joinRoom({
    port: relay.addr.port,
    self: await guestCredential("bo", 1),
    event: (event) => events.push(event),
  });
  await until(() => events.some(({ kind }) => kind === "ready"), "bo is in");
  assert(bo.send("over TCP").ok);
  await until(() => texts(ada.events).length === 1, "ada has heard");
  await leaveAll(ada.session, bo);
});

Deno.test("a relay that closes ends the links of its sources and members see why", async () => {
  const network = new StreamNetwork();
  const relay = streamRelay(network);
  const ada = await join(network, "ada", 0);
  await relay.close();
  await until(() => ada.events.some(({ kind }) => kind === "disconnected"), "ada is told");
  const lost = ada.events.find((event) => event.kind === "disconnected");
  assertEquals(lost?.reason, "SHUTDOWN");
  ada.session.leave();
  await ada.session.ended;
});

Deno.test("a relay closes though a wrapper has closed a link before the relay opened it", async () => {
  const events: RelayEvent[] = [];
  let wrapped = 0;
  const relay = openRelay({
    port: 0,
    event: (event) => events.push(event),
    wrap: (link) => {
      wrapped += 1;
      link.close();
      return link;
    },
  });
  const { hostname, port } = relay.addr;
  const conn = await Deno.connect({ hostname, port });
  await until(() => wrapped === 1, "the wrapper has the link");
  let isClosed = false;
  const closing = relay.close().then(() => isClosed = true);
  await until(() => isClosed, "the relay has closed");
  await closing;
  conn.close();
  assertEquals(events.map(({ kind }) => kind), ["connected", "refused"]);
});

Deno.test("a wrapper that throws ends only its own connection, and the relay continues", async () => {
  const events: RelayEvent[] = [];
  const broken = fakeLink({
    open: () => {
      throw new Error("cannot open");
    },
    close: () => {
      throw new Error("cannot close");
    },
  });
  const faults = [
    () => {
      throw new Error("cannot wrap");
    },
    () => broken,
  ];
  await using relay = openRelay({
    port: 0,
    event: (event) => events.push(event),
    wrap: (link) => faults.shift()?.() ?? link,
  });
  const { hostname, port } = relay.addr;
  const failures = () => events.filter(({ kind }) => kind === "failed");
  using refused = await Deno.connect({ hostname, port });
  // A relay whose listener has ended is finished.
  await Promise.race([until(() => failures().length > 0, "the wrapper throws"), relay.finished]);
  assertEquals(failures(), [{ kind: "failed", detail: "Error: cannot wrap" }]);
  assertEquals(await refused.read(new Uint8Array(1)), null);
  using _other = await Deno.connect({ hostname, port });
  await until(() => failures().length > 1, "the link that cannot be opened is given up");
  const self = await guestCredential("ada", 0);
  const session = await joinRoom({ hostname, port, self, event: () => {} });
  session.leave();
  await session.ended;
});

Deno.test("a relay closes though a source handed over a link that ended as it was opened", async () => {
  const events: RelayEvent[] = [];
  const handed = fakeLink({ open: ({ disconnected }) => disconnected("it was over") });
  const source = {
    run: (accept: (incoming: { link: Link }) => void) => Promise.resolve(accept({ link: handed })),
    close: () => {},
  };
  const relay = openRelay({
    listen: false,
    sources: [source],
    event: (event) => events.push(event),
  });
  await until(() => events.length > 0, "the relay has the link");
  let isClosed = false;
  const closing = relay.close().then(() => isClosed = true);
  await until(() => isClosed, "the relay has closed");
  await closing;
  const told = events.map((event) => event.kind === "refused" ? event.detail : event.kind);
  assertEquals(told, ["connected", "it was over"]);
});
