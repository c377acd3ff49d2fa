// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/base/failure.ts";
import { bytesOf, htonl, htons, ntohl, ntohs, readNumber } from "../../lib/info.ts";

Deno.test("htons(), htonl(), ntohs() and ntohl() give the tutorial's numbers on a little-endian host", () => {
  const order = "little-endian";
  assertEquals(htons(1234, order), 53764);
  assertEquals(htonl(1234, order), 3523477504);
  assertEquals(ntohs(1234, order), 53764);
  assertEquals(ntohl(1234, order), 3523477504);
  assertEquals(ntohs(53764, order), 1234);
  assertEquals(ntohl(3523477504, order), 1234);
});

Deno.test("on a big-endian host all four functions change nothing", () => {
  for (const convert of [htons, htonl, ntohs, ntohl]) {
    assertEquals(convert(1234, "big-endian"), 1234);
  }
});

Deno.test("ntohs() undoes htons(), and ntohl() undoes htonl(), for every number", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), (n) => ntohs(htons(n)) === n));
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (n) => ntohl(htonl(n)) === n));
});

Deno.test("bytesOf() gives the bytes of a number in memory and on the network", () => {
  assertEquals([...bytesOf(1234, 16, "little-endian")], [0xd2, 0x04]);
  assertEquals([...bytesOf(1234, 32, "little-endian")], [0xd2, 0x04, 0, 0]);
  assertEquals([...bytesOf(1234, 32, "big-endian")], [0, 0, 0x04, 0xd2]);
  assertEquals(bytesOf(1234, 32), new Uint8Array(Uint32Array.of(1234).buffer));
});

Deno.test("readNumber() reads decimal and hex, and names the range if a number does not fit", () => {
  assertEquals(readNumber("0x4D2", 16), 1234);
  assertEquals(readNumber("4294967295", 32), 4294967295);
  const refused = (text: string, bits: 16 | 32, range: string) => {
    const failure = assertThrows(() => readNumber(text, bits), Failure);
    assertStringIncludes(failure.message, range);
    assertEquals(failure.exitCode, 2);
  };
  refused("65536", 16, "from 0 to 65535");
  refused("4294967296", 32, "from 0 to 4294967295");
  for (const text of ["", "-1", "1.5", "0x", "1e3", "12 "]) refused(text, 16, "from 0 to 65535");
});

Deno.test("htons() refuses numbers of more than 16 bits", () => {
  for (const value of [-1, 65_536, 1.5, NaN]) assertThrows(() => htons(value), Failure, "65535");
});
