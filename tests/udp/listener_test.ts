/**
 * Listening for datagrams, and joining multicast groups over the loopback interface.
 *
 * @module
 */

import { AF_INET6, decodeAddress, encodeAddress } from "../../lib/base/host_port.ts";
import { isMulticast, readGroup } from "../../lib/net/resolve_host.ts";
import { type DatagramListener, listenDatagrams, sendDatagram } from "../../lib/udp.ts";
import { Failure } from "../../lib/tcp.ts";
import { addr } from "./addr.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

/** Receives so many datagrams, and returns copies of them. */
async function take(listener: DatagramListener, count: number): Promise<Uint8Array[]> {
  const datagrams: Uint8Array[] = [];
  for await (const { data } of listener) {
    datagrams.push(data.slice());
    if (datagrams.length === count) break;
  }
  return datagrams;
}

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`listenDatagrams() receives empty and large datagrams unchanged at ${hostname}`, async () => {
    await using listener = await listenDatagrams({ hostname, port: 0 });
    const large = new Uint8Array(65_507).map((_, i) => i * 7);
    for (const data of ["", large, new Uint8Array([0xff, 0])]) {
      await sendDatagram(hostname, listener.addr.port, data);
    }
    const expected = [new Uint8Array(), large, new Uint8Array([0xff, 0])];
    assertEquals(await take(listener, 3), expected);
  });
}

Deno.test("listenDatagrams() says who sent a datagram", async () => {
  await using listener = await listenDatagrams({ port: 0 });
  const { from } = await sendDatagram("127.0.0.1", listener.addr.port, "hi");
  for await (const datagram of listener) {
    assertEquals([datagram.from.hostname, datagram.from.port], ["127.0.0.1", from.port]);
    break;
  }
});

Deno.test("listenDatagrams() gives up on silence, and ends when it is closed or aborted", async () => {
  await using idle = await listenDatagrams({ port: 0, idleMs: 20 });
  const failure = await assertRejects(() => take(idle, 1), Failure);
  assertEquals([failure.code, failure.why], ["IDLE", "no datagram arrived for 20 ms"]);
  await using closed = await listenDatagrams({ port: 0 });
  const none = take(closed, 1);
  closed.close();
  assertEquals(await none, []);
  const stop = new AbortController();
  await using aborted = await listenDatagrams({ port: 0, signal: stop.signal });
  const reason = new Error("enough");
  const rejected = assertRejects(() => take(aborted, 1), Error, "enough");
  stop.abort(reason);
  await rejected;
});

Deno.test("a datagram to a closed port (ICMP port unreachable) ends neither the sender nor a listener", async () => {
  await using listener = await listenDatagrams({ port: 0 });
  const gone = await listenDatagrams({ port: 0 });
  const { port } = gone.addr;
  gone.close();
  assertEquals((await sendDatagram("127.0.0.1", port, "nobody")).bytes, 6);
  assertEquals((await sendDatagram("127.0.0.1", port, "nobody again")).bytes, 12);
  await sendDatagram("127.0.0.1", listener.addr.port, "somebody");
  assertEquals(await take(listener, 1), [new TextEncoder().encode("somebody")]);
});

Deno.test({
  name: "two listeners that have joined a group at one port both receive what is sent to it",
  // Elsewhere, the system may have no route to the group on the loopback interface.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const groups = [readGroup("239.192.7.9%127.0.0.1"), readGroup("239.192.7.9%127.0.0.1")];
    await using first = await listenDatagrams({ port: 0, groups });
    const { port } = first.addr;
    await using second = await listenDatagrams({ port, groups });
    assertEquals([first.addr.hostname, second.addr.hostname], ["0.0.0.0", "0.0.0.0"]);
    // Linux sends to a group from the interface that the socket's address belongs to.
    const sender = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    await sender.send(new TextEncoder().encode("to all"), addr("239.192.7.9", port));
    sender.close();
    for (const listener of [first, second]) {
      assertEquals(await take(listener, 1), [new TextEncoder().encode("to all")]);
    }
  },
});

Deno.test({
  name:
    "a group on an interface that does not exist is refused with ENODEV, and nothing stays open",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const text of ["239.1.2.3%192.0.2.1", "ff02::1234%999999"]) {
      const groups = [readGroup(text)];
      const failure = await assertRejects(() => listenDatagrams({ port: 0, groups }), Failure);
      assertEquals([failure.code, failure.why], ["ENODEV", "there is no such interface"]);
      assertEquals(failure.what, `cannot join ${text}`);
    }
  },
});

Deno.test("readGroup() reads a group and its interface, and refuses anything else", () => {
  assertEquals(readGroup("239.1.2.3"), { address: "239.1.2.3", network: undefined });
  assertEquals(readGroup("224.0.0.1%eth0"), { address: "224.0.0.1", network: "eth0" });
  assertEquals(readGroup("ff02::1%2"), { address: "ff02::1", network: "2" });
  assertEquals(readGroup("[FF05::2]"), { address: "FF05::2", network: undefined });
  const wrong = ["", "223.255.255.255", "240.0.0.0", "239.1.2", "239.1.2.999", "fe80::1", "::1"];
  for (const text of [...wrong, "ff02::x", "ff02::1%", "localhost", "239.1.2.3:9000", "ff02:"]) {
    const failure = assertThrows(() => readGroup(text), Failure, undefined, text);
    assertEquals([failure.code, failure.exitCode], ["USAGE", 2]);
  }
  assert(isMulticast("239.255.255.255") && isMulticast("ff02::fb%eth0"));
  assert(!isMulticast("127.0.0.1") && !isMulticast("ffee.example") && !isMulticast("::ff02"));
});

Deno.test("encodeAddress() lays out a struct sockaddr_in or sockaddr_in6, and decodeAddress() reads it", () => {
  assertEquals(
    [...encodeAddress({ hostname: "192.0.2.7", port: 1060 }, 0)],
    [2, 0, 4, 36, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  const local = encodeAddress({ hostname: "fe80::1:2%eth0", port: 258 }, 3);
  assertEquals([...local.subarray(0, 12)], [AF_INET6, 0, 1, 2, 0, 0, 0, 0, 0xfe, 0x80, 0, 0]);
  assertEquals([...local.subarray(20)], [0, 1, 0, 2, 3, 0, 0, 0]);
  assertEquals(decodeAddress(local), { hostname: "fe80::1:2%3", port: 258 });
  for (const hostname of ["0.0.0.0", "255.1.2.3", "::", "::1", "2001:db8::", "1:2:3:4:5:6:7:8"]) {
    const place = { hostname, port: 65_535 };
    assertEquals(decodeAddress(encodeAddress(place, 0)), place);
  }
  const mapped = encodeAddress({ hostname: "::ffff:127.0.0.1", port: 1 }, 0);
  assertEquals(decodeAddress(mapped).hostname, "::ffff:127.0.0.1");
});
