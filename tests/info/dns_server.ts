/**
 * A name server on the loopback, by UDP and TCP, that answers as its names say.
 *
 * @module
 */

import { Buffer } from "node:buffer";
// @ts-types="../../types/dns_packet.d.ts"
import packet from "dns-packet";
import type { NameServer } from "../../lib/info.ts";

/** What the server answers for each type, under any name that does not say otherwise. */
const DATA: Readonly<Record<string, readonly unknown[]>> = {
  A: ["192.0.2.1", "192.0.2.2"],
  AAAA: ["2001:db8::1"],
  CNAME: ["alias.example"],
  MX: [{ preference: 10, exchange: "mx.example" }],
  NS: ["ns.example"],
  PTR: ["host.example"],
  SOA: [{
    mname: "ns.example",
    rname: "admin.example",
    serial: 2026112401,
    refresh: 7200,
    retry: 900,
    expire: 1209600,
    minimum: 300,
  }],
  SRV: [{ priority: 1, weight: 2, port: 5222, target: "im.example" }],
  TXT: [["v=spf1 -all"], ['quo"te\\', "\x1b[2J", "ü", Buffer.from([0xff, 0x41])]],
  CAA: [{ flags: 128, tag: "issue", value: "ca.example" }],
  NAPTR: [{
    order: 100,
    preference: 10,
    flags: "s",
    services: "SIP+D2U",
    regexp: "",
    replacement: "_sip._udp.example",
  }],
};

/** The response codes (RFC 1035 section 4.1.1) of names that start so. */
const RCODES: Readonly<Record<string, number>> = { formerr: 1, servfail: 2, nx: 3, refused: 5 };

/** A TCP listener and a UDP socket at one port, which the system picks for TCP alone. */
function listenAtBoth(): [Deno.TcpListener, Deno.DatagramConn] {
  for (;;) {
    const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = tcp.addr;
    try {
      return [tcp, Deno.listenDatagram({ transport: "udp", hostname, port })];
    } catch (error) {
      tcp.close();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** The server. */
export class DnsServer implements AsyncDisposable {
  /** Every question, as `udp name type`. */
  readonly asked: string[] = [];
  readonly #udp: Deno.DatagramConn;
  readonly #tcp: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>;

  constructor() {
    [this.#tcp, this.#udp] = listenAtBoth();
    this.#running = Promise.all([this.#serveUdp(), this.#serveTcp()]);
  }

  /** Where it is. */
  get address(): NameServer {
    const { hostname, port } = this.#tcp.addr;
    return { hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.close();
    await this.#running;
  }

  async #serveUdp(): Promise<void> {
    const held: { readonly reply: Uint8Array; readonly from: Deno.Addr }[] = [];
    for await (const [bytes, from] of this.#udp) {
      held.push(...this.#replies("udp", bytes).map((reply) => ({ reply, from })));
      // Of a pair, neither is answered before both are asked for; one may be asked for again.
      const pair = new Set(this.asked.filter((question) => question.startsWith("udp pair.")));
      if (pair.size === 1) continue;
      for (const { reply, from } of held.splice(0)) {
        await this.#udp.send(new Uint8Array(reply), from);
      }
    }
  }

  async #serveTcp(): Promise<void> {
    for await (const connection of this.#tcp) {
      this.#connections.add(connection);
      // deno-lint-ignore no-await-in-loop -- one question at a time is enough for a test
      await this.#serveConnection(connection);
    }
  }

  async #serveConnection(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(2048);
    let have = 0;
    for (;;) {
      const read = await connection.read(buffer.subarray(have)).catch(() => null); // closed
      if (read === null) return;
      have += read;
      const length = new DataView(buffer.buffer).getUint16(0);
      if (have < 2 + length) continue;
      for (const reply of this.#replies("tcp", buffer.slice(2, 2 + length))) {
        const framed = new Uint8Array(2 + reply.length);
        new DataView(framed.buffer).setUint16(0, reply.length);
        framed.set(reply, 2);
        await connection.write(framed);
      }
      have = 0;
    }
  }

  #replies(transport: "udp" | "tcp", bytes: Uint8Array): Uint8Array[] {
    const { id, questions } = packet.decode(Buffer.from(bytes));
    const [{ name, type }] = questions as [{ name: string; type: string }];
    this.asked.push(`${transport} ${name} ${type}`);
    const [label = ""] = name.split(".");
    if (label === "silent") return [];
    // An alias whose target it leaves to be asked for.
    const alias = label === "alias" && type !== "CNAME";
    const answer = (data: unknown) =>
      alias ? { type: "CNAME", data: "target.example" } : { type, data };
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE;
    const reply = (id: number, rcode: number, data: readonly unknown[], more = 0) =>
      packet.encode({
        type: "response",
        id,
        flags: flags | rcode | more,
        questions,
        // A server may add what nobody asked for.
        answers: data.map((each) => ({
          name: label === "stray" ? "other.example" : name,
          ttl: 60,
          ...answer(each),
        })),
      });
    const cut = label.startsWith("cut-");
    if (cut && transport === "udp") return [reply(id, 0, [], packet.TRUNCATED_RESPONSE)];
    const word = cut ? label.slice(4) : label;
    const rcode = RCODES[word.split("-")[0]!];
    if (rcode !== undefined) {
      // Garbage and another's answer come first: neither is to be believed.
      const noise = transport === "udp" && word.endsWith("-noise")
        ? [new Uint8Array([1, 2, 3]), reply(id ^ 1, 0, [])]
        : [];
      return [...noise, reply(id, rcode, [])];
    }
    if (word === "none" || (word === "v4only" && type === "AAAA")) return [reply(id, 0, [])];
    return [reply(id, 0, DATA[type] ?? [])];
  }
}
