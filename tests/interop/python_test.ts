// needs: net run=python3 (about 22 s)

/**
 * A member of parley, and one of a client that was written in Python from `docs/protocol.md` alone, over a real relay.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../lib/base/bytes.ts";
import { WireReader } from "../../lib/chat/app/wire_dump.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import {
  joinRoom,
  type MemberEvent,
  openRelay,
  type RelayServer,
  type RelayServerOptions,
  type Session,
} from "../../lib/tcp_chat.ts";
import { Invitations } from "../../lib/chat/trust/invitations.ts";
import { invitationLink, inviterOf } from "../../lib/chat/wire/invitation.ts";
import { credentialOf, until } from "../chat/keys.ts";
import { granted } from "../fixtures/granted.ts";
import { compareVectors, hasPython, playSteps, Talk } from "./talk.ts";

const ignore = !granted("run=python3") || !await hasPython();

/** A member of parley. */
class Guest implements AsyncDisposable {
  readonly events: MemberEvent[] = [];
  session!: Session;

  static async join(port: number, name: string, keyIndex = 0): Promise<Guest> {
    const guest = new Guest();
    const self = await credentialOf(name, keyIndex, Date.now);
    guest.session = await joinRoom({ port, self, event: (event) => guest.events.push(event) });
    await guest.until("ready");
    return guest;
  }

  of<Kind extends MemberEvent["kind"]>(kind: Kind): (MemberEvent & { kind: Kind })[] {
    return this.events.filter((event): event is MemberEvent & { kind: Kind } =>
      event.kind === kind
    );
  }

  async until(kind: MemberEvent["kind"], times = 1): Promise<void> {
    await until(() => this.of(kind).length >= times, `${this.session?.self.name} tells ${kind}`);
  }

  /** Says something, and waits until everybody has said that it was shown. */
  async deliver(text: string, to?: string): Promise<void> {
    const entered = this.session.send(text, to);
    assert(entered.ok);
    const delivered = () => this.of("delivered").find(({ line }) => line.id === entered.id);
    await until(() => delivered() !== undefined, `"${text}" is delivered`);
    assertEquals(delivered()!.missed, undefined);
  }

  get texts(): string[] {
    return this.of("message").map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.leave();
    await this.session.ended;
  }
}

/** Says something on the other side, and waits until everybody has said that it was shown. */
async function deliver(talk: Talk, text: string, to?: string): Promise<void> {
  const before = talk.of("said").length;
  await talk.type(to === undefined ? `say ${text}\n` : `to ${to} ${text}\n`);
  await until(() => talk.of("said").length > before, "it is said");
  const { number } = talk.of("said").at(-1)!;
  const delivered = await talk.until(
    "delivered",
    (event) => event.number === number && (event.to ?? undefined) === to,
  );
  assertEquals(delivered.missed, []);
}

/** A relay, a member of parley and one of the second client, which know each other. */
async function meet(options: RelayServerOptions = {}) {
  const relay = openRelay({ ...options, port: 0 });
  const ada = await Guest.join(relay.addr.port, "ada");
  const py = await Talk.join(relay.addr.port, "py");
  await ada.until("joined");
  return { relay, ada, py };
}

/** Nothing was wrong on either side. */
function assertNoFaults(ada: Guest, py: Talk): void {
  assertEquals(ada.of("fault").map(({ code, detail }) => `${code} ${detail}`), []);
  assertEquals([...py.of("fault"), ...py.of("error"), ...py.of("refused")], []);
}

/** The second client leaves. */
async function leave(py: Talk): Promise<void> {
  await py.type("leave\n");
  assertEquals(await py.ended(), 0);
}

/** Ends a test in which a relay was opened and may have been replaced. */
async function end(relay: RelayServer, ada: Guest, py: Talk): Promise<void> {
  await py[Symbol.asyncDispose]();
  await ada[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
}

Deno.test({
  name: "the second client computes the fixed vectors",
  ignore,
  async fn() {
    assertEquals(await compareVectors(), [
      ...["joining", "identities", "history", "chains"],
      ...["sealed", "pairs", "entries", "invitations", "words", "padding"],
    ]);
  },
});

Deno.test({
  name:
    "the second client: repairs become rarer, share a budget, and leave room for lines to the group",
  ignore,
  async fn() {
    const { own: _, ...repairs } = await playSteps();
    assertEquals(repairs, {
      pauses: [1, 2, 4, 8, 16, 30, 30, 30],
      after: 1,
      together: [64, 72],
      between: ["bo", "group", "cy"],
      granted: [2, 3],
      forgotten: [4, 2, 3],
    });
  },
});

Deno.test({
  name: "the second client: a joined with its own credential counts in the history, and is refused",
  ignore,
  async fn() {
    assertEquals((await playSteps()).own, {
      version: 2,
      isInHistory: true,
      events: [["refused", "NAME_TAKEN"]],
      members: [],
    });
  },
});

Deno.test({
  name: "the second client: lines and private lines are shown and delivered, both ways",
  ignore,
  async fn() {
    const { relay, ada, py } = await meet();
    await ada.deliver("hello 你好 🙂");
    await deliver(py, "hello ada");
    await ada.deliver("between us", "py");
    await deliver(py, "between us, too", "ada");
    await ada.deliver("x".repeat(65_536));
    assertEquals(py.texts.map((text) => text.slice(0, 20)), [
      "hello 你好 🙂",
      "between us",
      "x".repeat(20),
    ]);
    assertEquals(py.of("message").map((one) => one.private), [false, true, false]);
    assertEquals(ada.texts, ["hello ada", "between us, too"]);
    assertEquals(ada.of("message").map((one) => one.private), [false, true]);
    await ada.until("confirmed");
    assertEquals(py.of("confirmed").map(({ name }) => name), ["ada"]);
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name:
    "the second client: a newcomer reads from its joining on, and a member that leaves signs its leaving",
  ignore,
  async fn() {
    const relay = openRelay({ port: 0 });
    const ada = await Guest.join(relay.addr.port, "ada");
    const bo = await Guest.join(relay.addr.port, "bo", 1);
    await ada.until("joined");
    await ada.deliver("before py");
    const py = await Talk.join(relay.addr.port, "py");
    await Promise.all([ada.until("joined", 2), bo.until("joined", 2)]);
    await ada.deliver("with py");
    await deliver(py, "to both");
    await deliver(py, "to bo alone", "bo");
    assertEquals([py.texts, bo.texts], [["with py"], [
      "before py",
      "with py",
      "to both",
      "to bo alone",
    ]]);
    assertEquals(ada.texts, ["to both"]);
    await bo[Symbol.asyncDispose]();
    const [left] = await Promise.all([py.until("left"), ada.until("left")]);
    assertEquals([left.name, left.reason, left.signed], ["bo", "LEFT", true]);
    // A chain that bo does not hold.
    await ada.deliver("without bo");
    await deliver(py, "without bo, too");
    await leave(py);
    await ada.until("left", 2);
    const { peer, reason, signed } = ada.of("left").at(-1)!;
    assertEquals([peer.credential.name, reason, signed], ["py", "LEFT", true]);
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name: "the second client: it resumes after its connection was lost, and misses nothing",
  ignore,
  async fn() {
    const { relay, ada, py } = await meet();
    await ada.deliver("before");
    for (let round = 0; round < 3; round++) {
      await py.type("drop\n");
      await Promise.all([
        ada.deliver(`to py, ${round}`),
        ada.deliver(`to py alone, ${round}`, "py"),
        until(() => py.of("reconnected").length > round, "py has resumed"),
      ]);
      await deliver(py, `to ada, ${round}`);
    }
    assertEquals(py.of("reconnected").map(({ resumed }) => resumed), [true, true, true]);
    assertEquals(new Set(py.texts).size, 7);
    assertEquals(py.texts.length, 7, "nothing is shown twice");
    assertEquals([...py.of("missing"), ...py.of("late")], []);
    assertEquals(ada.texts, ["to ada, 0", "to ada, 1", "to ada, 2"]);
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name: "the second client: what a frame that is lost carried is told as missing, and healed",
  ignore,
  async fn() {
    const { relay, ada, py } = await meet();
    await ada.deliver("one");
    await py.type("lose 2\n");
    await py.type("status\n");
    await py.until("status");
    const sent = () => ada.of("sent").length;
    for (const text of ["two", "three"]) {
      const before = sent();
      assert(ada.session.send(text).ok);
      await until(() => sent() > before, `${text} is sent`);
    }
    await ada.deliver("four");
    await until(() => ada.of("delivered").length === 4, "everything is delivered");
    assertEquals(py.of("missing").map(({ from, count }) => [from, count]), [["ada", 2]]);
    assertEquals(py.texts, ["one", "four", "two", "three"]);
    assertEquals(py.of("late").map(({ text }) => text), ["two", "three"]);
    assertEquals(ada.of("delivered").map(({ missed }) => missed), [
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await ada.deliver("five");
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name: "the second client: a tail that is lost is found by asking",
  ignore,
  async fn() {
    const { relay, ada, py } = await meet();
    await ada.deliver("one");
    await py.type("lose 1\nstatus\n");
    await py.until("status");
    // Nothing follows it: ada asks after five seconds, and again.
    await ada.deliver("two");
    assertEquals(py.texts, ["one", "two"]);
    assertEquals(py.of("missing"), []);
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name:
    "the second client: what the relay left out while it read nothing comes after, once and in order",
  ignore,
  async fn() {
    const sent: number[] = [];
    const tap = () => {
      const frames = new WireReader(({ direction, kind }) => {
        if (direction === "sent") sent.push(kind);
      }, "received");
      return (direction: "sent" | "received", bytes: Bytes) => frames.see(direction, bytes);
    };
    const { relay, ada, py } = await meet({ tap });
    await ada.deliver("before");
    // 12 MiB: the relay sends 4 MiB ahead, and keeps 4 MiB more.
    const lines = Array.from({ length: 192 }, (_, i) => `${i} `.padEnd(65_536, "x"));
    py.kill("SIGSTOP");
    for (const line of lines) assert(ada.session.send(line).ok);
    await until(() => sent.includes(KIND.behind), "the relay leaves out what ada says");
    py.kill("SIGCONT");
    await until(() => ada.of("delivered").length === 1 + lines.length, "all are delivered");
    await ada.deliver("after");
    assertEquals(py.texts.map((text) => text.trim().split(" ")[0]), [
      "before",
      ...lines.keys().map(String),
      "after",
    ]);
    assertEquals(py.of("late"), []);
    assert(ada.of("delivered").every(({ missed }) => missed === undefined));
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});

Deno.test({
  name: "the second client: both find each other in another room after the relay was restarted",
  ignore,
  async fn() {
    const { relay, ada, py } = await meet();
    const { port } = relay.addr;
    await ada.deliver("in the first room");
    await deliver(py, "in the first room, too");
    await relay[Symbol.asyncDispose]();
    await ada.until("disconnected");
    assert(ada.session.send("meanwhile").ok);
    await py.type("say meanwhile, too\n");
    const other = openRelay({ port });
    await ada.until("reconnected");
    const again = await py.until("reconnected");
    assertEquals(again.resumed, false);
    await ada.deliver("in the second room");
    await deliver(py, "in the second room, too");
    await ada.deliver("between us", "py");
    assertEquals(py.texts, ["in the first room", "meanwhile", "in the second room", "between us"]);
    assertEquals(ada.texts, [
      "in the first room, too",
      "meanwhile, too",
      "in the second room, too",
    ]);
    assertEquals(py.of("delivered").map(({ missed }) => missed?.length), [0, 0, 0]);
    assertNoFaults(ada, py);
    await end(other, ada, py);
  },
});

Deno.test({
  name: "the second client: it joins by an invitation, and guest and inviter know each other",
  ignore,
  async fn() {
    const invitations = new Invitations();
    const self = await credentialOf("ada", 0, Date.now);
    const allows = (print: string) => print === self.fingerprint;
    const relay = openRelay({ port: 0, room: "tea", allows, invitations });
    const { port } = relay.addr;
    const ada = new Guest();
    const outcomes: string[] = [];
    const at = { room: relay.room, self: self.member };
    ada.session = relay.join({
      self,
      event: (event) => {
        ada.events.push(event);
        if (event.kind !== "notice" || event.notice !== "invitation") return;
        invitations.take(event.peer, event.body, at).then((taken) => {
          outcomes.push(taken!.outcome.kind);
          ada.session.sendNotice(event.peer, "invitation", taken!.answer!);
        });
      },
    });
    await ada.until("ready");
    const made = (await invitations.make({ room: "tea" }))!;
    const inviter = inviterOf(self.fingerprint);
    const link = invitationLink({
      host: "127.0.0.1",
      port,
      room: "tea",
      secret: made.secret,
      inviter,
    });
    const py = await Talk.invited(link, "py");
    const { name, answer } = await py.until("invitation");
    assertEquals([name, answer, outcomes], ["ada", "accepted", ["accepted"]]);
    await ada.deliver("welcome");
    await deliver(py, "thank you");
    // The same link in another's hands: the relay tells, and lets nobody in.
    const other = await Talk.invited(link, "other");
    assertEquals(other.of("ended").map(({ reason }) => reason), ["INVITATION_USED"]);
    await other[Symbol.asyncDispose]();
    assertEquals(made.guests.map((guest) => guest.name), ["py"]);
    assertNoFaults(ada, py);
    await end(relay, ada, py);
  },
});
