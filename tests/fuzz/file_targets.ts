/**
 * Everything that reads keys and addresses.
 *
 * @module
 */

import { utf8 } from "../../lib/base/bytes.ts";
import { Failure } from "../../lib/base/failure.ts";
import { readIp } from "../../lib/info/address/address.ts";
import { ipv6Text, readInetAton, readIpv6, readNumber } from "../../lib/info/address/inet.ts";
import { parseServices } from "../../lib/info/host.ts";
import { DerError, KeyFileError, readPem, writePem } from "../../lib/rsa/der.ts";
import { decodeKey } from "../../lib/rsa/key_der.ts";
import { readKey, writeKeyPair } from "../../lib/rsa/key_formats.ts";
import { nearly, nearlyText } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { decodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import vectors from "../vectors/chat.json" with { type: "json" };
import rsaVectors from "../vectors/rsa.json" with { type: "json" };

const KEYS = vectors.members.flatMap(({ identity, session, signing }) =>
  [identity, session, signing].map((hex) => decodeHex(hex))
);
const PEMS = KEYS.map((key) => writePem("PRIVATE KEY", key));

const { key, refused } = rsaVectors;
const { n, e, d } = key.jwk;

/** Keys as other programs write them. The passphrase of the encrypted ones is "test". */
const OTHERS = [
  ...[refused.encryptedPkcs8, refused.encryptedPkcs1, refused.pssOnly],
  ...[refused.certificate, refused.request, refused.openSsh.privateKey, refused.openSsh.publicKey],
  JSON.stringify({ keys: [{ kty: "RSA", n, e, d, kid: "a" }] }),
];

const WITH_PASSPHRASE = { passphrase: () => Promise.resolve(utf8("test")) };

/** A pair of keys in every form that is written. */
async function keyFiles(): Promise<fc.Arbitrary<Uint8Array<ArrayBuffer>>> {
  const algorithm = {
    name: "RSA-PSS",
    hash: "SHA-512",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const written = Object.values(await writeKeyPair(pair))
    .filter((value) => typeof value === "string").map(utf8);
  const jwk = utf8(JSON.stringify(await crypto.subtle.exportKey("jwk", pair.privateKey)));
  return nearly([...written, jwk, ...OTHERS.map(utf8), ...PEMS.map(utf8), ...KEYS]);
}

/** Runs what may fail as a person is told of it, and in no other way. */
async function failing<T>(run: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assertEquals(error.exitCode, 2);
    return undefined;
  }
}

function usage<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return undefined;
  }
}

/** Everything that reads keys and addresses. */
export const FILE_TARGETS: readonly Target[] = [
  target(
    "pem",
    () => nearlyText([...PEMS, PEMS.join("\n"), writePem("X", new Uint8Array(3))]),
    (text) => {
      for (const { label, bytes } of readPem(text)) {
        if (bytes === undefined || /-----/.test(label)) continue;
        const [again] = readPem(writePem(label, bytes));
        assertEquals(again, { label, bytes, headers: new Map() });
      }
    },
  ),
  target("key-der", () => nearly(KEYS), (bytes) => {
    try {
      decodeKey(bytes);
    } catch (error) {
      if (!(error instanceof DerError || error instanceof KeyFileError)) throw error;
    }
  }),
  asyncTarget("key-file", keyFiles, async (content) => {
    try {
      await readKey(content, WITH_PASSPHRASE);
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      assert(error.message !== "" && error.hint !== "");
    }
  }),
  target(
    "inet-aton",
    () => nearlyText(["127.0.0.1", "127.1", "0x7f.1", "017700000001", "2130706433", "1.2.0xffff"]),
    (text) => {
      const read = usage(() => readInetAton(text));
      if (read === undefined) return;
      // The URL standard reads IPv4 addresses as inet_aton(3) does.
      assertEquals(new URL(`http://${text}/`).hostname, read.bytes.join("."));
    },
  ),
  asyncTarget(
    "ipv6",
    () =>
      fc.oneof(
        fc.ipV6(),
        nearlyText(["::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0", "::"]),
      ),
    async (text) => {
      const read = await failing(() => readIpv6(text));
      if (read === undefined) return;
      assertEquals(read.bytes.length, 16);
      assertEquals(readIpv6(await ipv6Text(read.bytes)).bytes, read.bytes);
      // The URL standard reads IPv6 addresses, but for zones.
      const url = `http://[${text.replace(/%.*$/s, "")}]/`;
      assertEquals(readIpv6(new URL(url).hostname.slice(1, -1)).bytes, read.bytes);
    },
  ),
  target("ip", () => nearlyText(["7f000001", "1.0.0.127.in-addr.arpa", "::1", "127.1"]), (text) => {
    const read = usage(() => readIp(text));
    if (read !== undefined) assert([4, 16].includes(read.bytes.length));
  }),
  target("number", () => nearlyText(["1234", "0x4d2", "65535", "0xffffffff"]), (text) => {
    const read = usage(() => readNumber(text, 16));
    if (read !== undefined) assert(Number.isInteger(read) && read >= 0 && read <= 65_535);
  }),
  target(
    "services",
    () => nearlyText(["http 80/tcp www # World Wide Web\nssh 22/tcp\n", "domain 53/udp"]),
    (text) => {
      for (const { name, port } of parseServices(text, "fuzz")) {
        assert(name !== "" && port >= 0 && port <= 65_535);
      }
    },
  ),
];
