import { Failure } from "../../lib/base/failure.ts";
import { ping } from "../../lib/info/ping/ping.ts";
import { resolveHost, withZone } from "../../lib/net/resolve_host.ts";
import { joinRoom, openRelay } from "../../lib/tcp_chat.ts";
import { openSocket } from "../../lib/udp/datagram_socket.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { credentialOf } from "../chat/keys.ts";

const HOST = "fe80::1";

Deno.test("a link-local address without an interface is refused in words, and the interface asked for", async () => {
  const hint = "add the interface, such as fe80::1%eth0";
  const self = await credentialOf("ada", 0, Date.now);
  const failures = [
    assertThrows(() => openRelay({ hostname: HOST, port: 0 }), Failure),
    await assertRejects(
      () => joinRoom({ hostname: HOST, port: 1, self, event: () => {} }),
      Failure,
    ),
    assertThrows(() => openSocket(HOST, 0), Failure),
    await assertRejects(() => resolveHost(HOST, 1), Failure),
    await assertRejects(
      () => Array.fromAsync(ping({ hostname: HOST, port: 1, count: 1 })),
      Failure,
    ),
  ];
  for (const failure of failures) assertEquals([failure.code, failure.hint], ["EINVAL", hint]);
  assertEquals(failures.map(({ what }) => what), [
    "cannot listen on [fe80::1]:0",
    "cannot connect to [fe80::1]:1",
    "cannot listen on [fe80::1]:0",
    "cannot send to [fe80::1]:1",
    "cannot probe [fe80::1]:1",
  ]);
});

Deno.test("withZone() puts the interface behind a link-local address, and behind no other", () => {
  const addr = (hostname: string): Deno.NetAddr => ({ transport: "tcp", hostname, port: 1 });
  assertEquals(withZone(addr(HOST), "FE80::1%eth0"), addr("fe80::1%eth0"));
  assertEquals(withZone(addr("fe80::1%2"), "fe80::1%eth0"), addr("fe80::1%2"));
  assertEquals(withZone(addr(HOST), HOST), addr(HOST));
  assertEquals(withZone(addr("::1"), "::1%lo"), addr("::1"));
});
