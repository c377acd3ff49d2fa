/**
 * Everything that reads names and messages of the domain name system.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Bytes, MalformedError } from "../../lib/base/bytes.ts";
import { Failure } from "../../lib/base/failure.ts";
import { messageFacts } from "../../lib/info/dns/answer.ts";
import { decodeMessage, encodeMessage, encodeName, FLAGS } from "../../lib/info/dns/message.ts";
import { nameText, readDnsName, readLabels } from "../../lib/info/dns/name.ts";
import { readResolvConf } from "../../lib/info/dns/name.ts";
import { readRecord, recordText } from "../../lib/info/dns/record.ts";
import { DNS_TYPES, typeNumber } from "../../lib/info/dns/record.ts";
import { octetsOf, stringOf } from "../../lib/info/dns/fields.ts";
import { readRootHints } from "../../lib/info/dns/trace.ts";
import { anyBytes, nearly, nearlyText } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";

/** The data of a record of some types, as it travels. */
const DATA: Readonly<Record<string, string>> = {
  A: "c0000201",
  AAAA: "20010db8000000000000000000000001",
  MX: "000a026d78c00c",
  SOA: "026e73c00c0561646d696ec00c78c2a11100001c20000003840012750000000012",
  TXT: "0b763d73706631202d616c6c02ff41",
  CAA: "8005697373756563612e6578616d706c65",
  LOC: "00321613878892a37e7a88d3f500989680",
  NSEC: "0161c00c0006400000000003",
  NSEC3: "0100000a04aabbccdd14000102030405060708090a0b0c0d0e0f1011121300024001",
  HTTPS: "0001000001000602683202683300030002115100040004c0000201",
  RRSIG: "0001080200000e1065b0a0005f00e6a0303900abcdef",
  NAPTR: "0064000a0173075349502b4432550000",
  CERT: "000100010801020304",
};

function sample(type: string, hex: string): Bytes {
  const name = "a.example.";
  const question = [{ name, type: typeNumber(type)!, class: 1 }];
  const record = { ...question[0]!, ttl: 300, rdata: Uint8Array.fromHex(hex) };
  const edns = { udpSize: 1232, version: 0, extendedRcode: 0, dnssecOk: true, options: [] };
  return encodeMessage({ id: 1, flags: FLAGS.qr, question, answer: [record], edns });
}

/** Reads all that a message has. */
function readAll(bytes: Bytes): void {
  let message;
  try {
    message = decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return;
  }
  const facts = messageFacts(message);
  for (const record of [...facts.answer, ...facts.authority, ...facts.additional]) {
    const text = recordText(record.type, record.data, { ascii: true });
    assert(/^[\x20-\x7e]*$/.test(text), text);
    assert(/^[\x21-\x7e]+$/.test(record.name), record.name);
  }
  JSON.stringify(facts);
}

/** Everything that reads names and messages. */
export const DNS_TARGETS: readonly Target[] = [
  asyncTarget(
    "dns-name",
    () => {
      const names = ["example.com", "bücher.example", "xn--bcher-kva.example", "_sip._tcp.a.", "."];
      return nearlyText([...names, "my\\032printer.\\255\\..test", "a b/c+d@e"]);
    },
    async (text) => {
      let ascii;
      try {
        ({ ascii } = await readDnsName(text));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        assertEquals(error.exitCode, 2);
        return;
      }
      // Each octet of the 255 as \DDD.
      assert(/^[\x21-\x7e]{1,1020}$/.test(ascii), ascii);
      const again = nameText(readLabels(ascii));
      assertEquals(again, ascii === "." ? ascii : `${ascii}.`);
      assert(encodeName(ascii).length <= 255);
    },
  ),
  target(
    "dns-reply",
    () => {
      const samples = Object.entries(DATA).map(([type, hex]) => sample(type, hex));
      return fc.oneof({ arbitrary: nearly(samples), weight: 9 }, anyBytes(600));
    },
    readAll,
  ),
  target(
    "dns-data",
    () => {
      const datas = Object.values(DATA).map((hex) => Uint8Array.fromHex(hex));
      return fc.tuple(fc.constantFrom(...DNS_TYPES), fc.oneof(nearly(datas), anyBytes(80)));
    },
    ([type, rdata]) => {
      const raw = { name: "a.", type: typeNumber(type)!, class: 1, ttl: 1, rdata, message: rdata };
      const { data } = readRecord(raw);
      assert(/^[\x20-\x7e]*$/.test(recordText(type, data, { ascii: true })));
      // What is not as its type has it is kept whole.
      if (typeof data === "string" && data.startsWith("\\# ")) {
        assertEquals(data.split(" ")[2] ?? "", rdata.toHex().toUpperCase());
      }
    },
  ),
  target("dns-text", () => anyBytes(60), (octets) => {
    assertEquals(octetsOf(stringOf(octets)), octets);
  }),
  target(
    "resolv-conf",
    () =>
      nearlyText(["nameserver 192.0.2.1\nsearch a.example b.example\noptions ndots:2 timeout:1"]),
    (text) => {
      const { domains, ndots } = readResolvConf(text);
      assert(domains.length <= 32 && ndots >= 0 && ndots <= 15);
    },
  ),
  target(
    "root-hints",
    () =>
      nearlyText([". 3600000 NS A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET. 3600000 A 198.41.0.4\n"]),
    (text) => {
      for (const { addresses } of readRootHints(text)) assert(addresses.length > 0);
    },
  ),
];
