// needs: net run=named,dig,dnssec-dsfromkey,dnssec-keygen,dnssec-signzone read=tests/scratch write=tests/scratch (about 10 s)

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type DnsRecord, type NameServer, recordText, resolve } from "../../../lib/info.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  FLAGS,
  type Question,
} from "../../../lib/info/dns/message.ts";
import { type CorpusRecord, makeCorpus, nextHashes } from "./corpus.ts";
import { Scratch } from "../../fixtures/scratch.ts";
import { HAS_BIND, Named, run } from "./named.ts";

const COUNT = 3000;
const SEED = 17;

/** A record as dig(1) prints it, with single spaces. */
function line({ name, ttl, class: of, type, data }: DnsRecord): string {
  return `${name}. ${ttl} ${of} ${type} ${recordText(type, data, { ascii: true })}`;
}

/** What parley has for each record, so many asked for at a time. */
async function own(server: NameServer, records: readonly CorpusRecord[]): Promise<string[]> {
  const lines: string[] = [];
  for (let at = 0; at < records.length; at += 50) {
    const part = records.slice(at, at + 50).map(async ({ name, type }) => {
      const [resolution] = await resolve(name, { types: [type], server, timeoutMs: 60_000 });
      return resolution!.records.map(line);
    });
    // deno-lint-ignore no-await-in-loop -- not all of them at a time
    lines.push(...(await Promise.all(part)).flat());
  }
  return lines;
}

/** What dig(1) has. */
async function digs(
  scratch: Scratch,
  { hostname, port }: NameServer,
  records: readonly CorpusRecord[],
): Promise<string[]> {
  const questions = records.map(({ name, type }) => `${name} ${type}`).join("\n");
  const file = await scratch.write("questions", `${questions}\n`);
  const args = [`@${hostname}`, "-p", String(port), "+noall", "+answer", "-f", file];
  const lines = (await run("dig", args)).split("\n").filter((text) => !/^(;.*)?$/.test(text));
  return lines.map((text) => {
    const [, name, ttl, of, type, data] = /^(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s*(.*)$/.exec(text) ?? [];
    return `${name} ${ttl} ${of} ${type} ${data}`;
  });
}

Deno.test({
  name: `recordText() writes ${COUNT} records in all types as dig does`,
  ignore: !HAS_BIND,
  async fn() {
    const { zone, text, records } = makeCorpus(COUNT, SEED);
    await using scratch = await Scratch.make();
    await scratch.write("corpus.zone", text);
    await using server = await Named.start({
      directory: scratch.path,
      zones: [{ name: zone, file: "corpus.zone" }],
    });
    const expected = await digs(scratch, server.address, records);
    const actual = await own(server.address, records);
    const differing = expected.flatMap((text, i) => text === actual[i] ? [] : [[actual[i], text]]);
    assertEquals(differing.slice(0, 10), []);
    assertEquals(actual.length, expected.length);
    assert(actual.length >= COUNT, `${actual.length} records`);
  },
});

/** A server that answers every question with the records of its type that it has, under its name. */
async function serve(
  socket: Deno.DatagramConn,
  data: Readonly<Record<number, readonly Uint8Array<ArrayBuffer>[]>>,
) {
  for await (const [bytes, from] of socket) {
    const { id, question } = decodeMessage(bytes as Uint8Array<ArrayBuffer>);
    const [{ name, type }] = question as [Question];
    const [, number = "0"] = /^0*(\d+)/.exec(name) ?? [];
    const rdata = data[type]?.[Number(number)];
    const answer = rdata === undefined ? [] : [{ name, type, class: 1, ttl: 60, rdata }];
    await socket.send(encodeMessage({ id, flags: FLAGS.qr | FLAGS.aa, question, answer }), from);
  }
}

Deno.test({
  name: "recordText() writes NS and NSEC3 records as dig does",
  ignore: !HAS_BIND,
  async fn() {
    const hashes = nextHashes(60, SEED);
    const names = ["ns.example.", ".", "a\\032b\\.c.example.", "\\000\\255\\@\\$.", "A.b.C."].map(
      encodeName,
    );
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const serving = serve(socket, { 2: names, 50: hashes });
    await using scratch = await Scratch.make();
    const records = [
      ...names.map((_, i) => ({ name: `${i}.`, type: "NS" })),
      // The owner of an NSEC3 record is a hash too.
      ...hashes.map((_, i) => ({ name: `${String(i).padStart(32, "0")}.`, type: "NSEC3" })),
    ];
    const server = socket.addr as Deno.NetAddr;
    assertEquals(await own(server, records), await digs(scratch, server, records));
    socket.close();
    await serving;
  },
});
