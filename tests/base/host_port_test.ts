// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { canonicalHost, isLoopback, isOwnHost } from "../../lib/base/host_port.ts";

Deno.test("canonicalHost() gives one host one form, without brackets and zone", () => {
  for (const host of ["::1", "0::1", "[::1]", "[0:0::1]", "::0001", "::1%lo", "[::1%lo]"]) {
    assertEquals(canonicalHost(host), "::1", host);
  }
  assertEquals(canonicalHost("FE80::A%eth0"), "fe80::a");
  assertEquals(canonicalHost("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  for (const host of ["Chat.Example", "chat.example."]) {
    assertEquals(canonicalHost(host), "chat.example", host);
  }
  assertEquals(canonicalHost("BÜCHER.example"), "xn--bcher-kva.example");
  assertEquals(canonicalHost("192.0.2.7"), "192.0.2.7");
});

Deno.test("canonicalHost() does not change text that is not a host", () => {
  const hosts = [
    "",
    "A b",
    "a/B",
    "a?B",
    "a#B",
    "u@B",
    "a:b:C",
    "[",
    "A%41",
    "a\\B",
    "[::1",
    "1:2",
  ];
  for (const host of hosts) assertEquals(canonicalHost(host), host.toLowerCase(), host);
});

Deno.test("isOwnHost() accepts addresses, localhost and the names that a server knows", () => {
  const names = ["chat.example.org", "chat.example.net:4396", "[2001:db8::1]:80"];
  const own = [
    ...["localhost", "localhost:80", "LocalHost.", "127.0.0.1", "127.0.0.1:9464", "[::1]:80"],
    ...["192.0.2.7", "[2001:DB8:0:0::7]:1", "2130706433", "0x7f.1"], // as a browser reads them
    ...["chat.example.org", "Chat.Example.Org:8443", "chat.example.org.", "chat.example.net"],
  ];
  for (const host of own) assertEquals(isOwnHost(host, { names }), true, host);
  const others = [
    ...["example.org", "chat.example.org.evil.example", "evil-localhost", "a.localhost"],
    ...[
      "127.0.0.1.evil.example",
      "127.0.0.1@evil.example",
      "evil.example/127.0.0.1",
      "evil\\localhost",
    ],
    ...["", " ", "[::1", "1.2.3.4.5", "256.1.1.1", "localhost:99999", "evil.example#localhost"],
    null,
  ];
  for (const host of others) assertEquals(isOwnHost(host, { names }), false, String(host));
});

Deno.test("isOwnHost() accepts names one label below a wildcard, as in certificates", () => {
  const is = (host: string) => isOwnHost(host, { names: ["*.example.org"] });
  assertEquals(["a.example.org", "B.Example.org:443", "a.example.org."].map(is), [
    true,
    true,
    true,
  ]);
  const others = ["example.org", "a.b.example.org", "*", "a.example.com", "aexample.org"];
  for (const host of others) assertEquals(is(host), false, host);
});

Deno.test("isOwnHost() accepts only the addresses that a server wants", () => {
  const is = (host: string) => isOwnHost(host, { address: isLoopback });
  assertEquals(["127.0.0.1", "127.9.9.9:1", "[::1]", "0:0:0:0:0:0:0:1"].map(is), [
    true,
    true,
    true,
    false, // no address in a URL, without brackets
  ]);
  assertEquals(["192.0.2.7", "[::2]", "0.0.0.0", "[::ffff:192.0.2.1]"].map(is), [
    false,
    false,
    false,
    false,
  ]);
});
