// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  readRootHints,
  trace,
  type TraceEnd,
  type TraceStep,
} from "../../../lib/info/dns/trace.ts";
import { HandClock } from "../../fixtures/hand_clock.ts";
import { authority, ipv4, named, Responder, type Row } from "./responder.ts";

/** Only Linux answers at every address of 127.0.0.0/8. */
const ignore = Deno.build.os !== "linux";

const DENIED: readonly Row[] = [["test.", "SOA", authority()]];

/** A tree of servers: the root at 127.0.0.2, test at 127.0.0.3, example.test at 127.0.0.4. */
class Tree implements AsyncDisposable {
  readonly root: Responder;
  readonly test: Responder;
  readonly example: Responder;

  constructor() {
    this.root = new Responder(({ question: { name } }) => {
      if (!name.endsWith("test.")) return { rcode: 3, authority: DENIED };
      return {
        authority: [["test.", "NS", named("lame.test.")], ["test.", "NS", named("ns.test.")], [
          "test.",
          "DS",
          Uint8Array.of(0, 1, 8, 2, 9),
        ]],
        additional: [
          ["lame.test.", "A", ipv4("127.0.0.5")],
          ["ns.test.", "A", ipv4("127.0.0.3")],
        ],
      };
    }, "127.0.0.2");
    const { port } = this.root.address;
    this.test = new Responder(
      ({ question: { name, type } }) => {
        if (name === "ns.far.test." && type === 1) {
          return { answer: [[name, "A", ipv4("127.0.0.4")]] };
        }
        if (/(^|\.)example\.test\.$/.test(name)) {
          return {
            authority: [["example.test.", "NS", named("ns.example.test.")]],
            additional: [["ns.example.test.", "A", ipv4("127.0.0.4")]],
          };
        }
        // Its address is to be found out, and what it says of a name outside of its zone is not believed.
        if (/(^|\.)bare\.test\.$/.test(name)) {
          return {
            authority: [["bare.test.", "NS", named("ns.far.test.")]],
            additional: [["ns.other.", "A", ipv4("127.0.0.9")]],
          };
        }
        // Referrals that lead nowhere: to itself, upwards, elsewhere.
        if (name === "self.test.") return { authority: [["test.", "NS", named("ns.test.")]] };
        if (name === "up.test.") return { authority: [[".", "NS", named("a.root.")]] };
        return { rcode: 3, authority: DENIED };
      },
      "127.0.0.3",
      port,
    );
    this.example = new Responder(
      ({ question: { name, type } }) => {
        if (name === "www.example.test.") {
          return {
            answer: [[name, "CNAME", named("web.bare.test.")]],
          };
        }
        if (name === "loop.example.test.") return { answer: [[name, "CNAME", named(name)]] };
        if (name === "web.bare.test." && type === 1) {
          return {
            answer: [[name, "A", ipv4("192.0.2.7")]],
          };
        }
        return { authority: DENIED };
      },
      "127.0.0.4",
      port,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.root, this.test, this.example]) {
      // deno-lint-ignore no-await-in-loop -- one after the other
      await server[Symbol.asyncDispose]();
    }
  }

  /** Traces a name while time passes in short steps; gives the steps in short, and the end. */
  async trace(name: string, type = "A", dnssec = false): Promise<[string[], TraceEnd]> {
    using clock = new HandClock();
    const hints = [{ name: "a.root", addresses: ["127.0.0.2"] }];
    const { port } = this.root.address;
    const steps = trace(name, type, { hints, port, timeoutMs: 1000, dnssec });
    const lines: string[] = [];
    for (;;) {
      // deno-lint-ignore no-await-in-loop -- one after the other
      const { done, value } = await clock.passUntil(steps.next(), 20);
      if (done === true) return [lines, value];
      lines.push(short(value));
    }
  }
}

function short({ depth, zone, server, name, status, referral, answer }: TraceStep): string {
  const at = server.replace(/:\d+$/, "").replace("127.0.0.", "");
  const what = referral?.zone ?? (answer.length > 0 ? answer[0]!.type : status);
  const signed = referral?.signed === null || referral === null ? "" : ` ${referral.signed}`;
  return `${"-".repeat(depth)}${zone}@${at} ${name}: ${what}${signed}`;
}

Deno.test({
  name:
    "trace() goes from the root down, past a server that is silent, along aliases, to a server without glue",
  ignore,
  async fn() {
    await using tree = new Tree();
    const [steps, { code, records, chain }] = await tree.trace("www.example.test");
    const down = ["test@5 www.example.test: TIMEOUT", "test@3 www.example.test: example.test"];
    assertEquals(steps.slice(0, 4), [
      ".@2 www.example.test: test",
      ...down,
      "example.test@4 www.example.test: CNAME",
    ]);
    assertEquals(steps.slice(4).filter((step) => !step.includes("TIMEOUT")), [
      ".@2 web.bare.test: test",
      "test@3 web.bare.test: bare.test",
      "-.@2 ns.far.test: test",
      "-test@3 ns.far.test: A",
      "bare.test@4 web.bare.test: A",
    ]);
    assertEquals([code, chain], ["NOERROR", ["www.example.test", "web.bare.test"]]);
    assertEquals(records.map(({ name, data }) => [name, data]), [["web.bare.test", "192.0.2.7"]]);
    for (const message of tree.example.messages) assertEquals(message.flags & 0x100, 0);
  },
});

Deno.test({
  name: "trace() ends if a name does not exist, or if servers refer nowhere",
  ignore,
  async fn() {
    await using tree = new Tree();
    assertEquals((await tree.trace("none.test"))[1].code, "NXDOMAIN");
    assertEquals((await tree.trace("a.other"))[1].code, "NXDOMAIN");
    assertEquals((await tree.trace("web.example.test", "MX"))[1].code, "NODATA");
    assertEquals((await tree.trace("loop.example.test"))[1].code, "ALIAS_LOOP");
    for (const name of ["self.test", "up.test"]) {
      // deno-lint-ignore no-await-in-loop -- one after the other
      const [, { code, records }] = await tree.trace(name);
      assert(["TIMEOUT", "NO_SERVER"].includes(code), code);
      assertEquals(records, []);
    }
  },
});

Deno.test({
  name: "trace() tells which zones are signed if DNSSEC records are requested",
  ignore,
  async fn() {
    await using tree = new Tree();
    const [steps] = await tree.trace("web.example.test", "A", true);
    assertEquals(steps.filter((step) => /true|false/.test(step)), [
      ".@2 web.example.test: test true",
      "test@3 web.example.test: example.test false",
    ]);
  },
});

Deno.test("readRootHints() reads named.root, and leaves out servers without an address", () => {
  const text = `; comment
.                        3600000      NS    A.ROOT-SERVERS.NET.
A.ROOT-SERVERS.NET.      3600000      A     198.41.0.4
A.ROOT-SERVERS.NET.      3600000      AAAA  2001:503:ba3e::2:30
. IN NS b.root.
. NS c.root.
c.root. 60 IN A 127.0.0.1`;
  assertEquals(readRootHints(text), [
    { name: "a.root-servers.net", addresses: ["198.41.0.4", "2001:503:ba3e::2:30"] },
    { name: "c.root", addresses: ["127.0.0.1"] },
  ]);
  assertEquals(readRootHints("nothing of it"), []);
});
