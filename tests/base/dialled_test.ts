// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { canonicalHost, readPublicName } from "../../lib/base/host_port.ts";
import { EntryRules } from "../../lib/chat/relay/admission_control.ts";

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

Deno.test("canonicalHost() leaves alone what is no host, whatever it has in it", () => {
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

Deno.test("a relay is known by a name in any form, with or without a port", () => {
  const forms = ["[::1]", "0::1", "::1", "[::1]:4396", "[0:0::1]:4396", "::1%lo", "[::1%lo]:4396"];
  for (const name of forms) {
    const rules = new EntryRules({ publicNames: ["other.example", name] });
    for (const host of ["::1", "0::1", "::1%eth0", "[::1]"]) {
      assertEquals(rules.allowsName({ host, port: 4396 }), true, `${host} by ${name}`);
    }
    assertEquals(rules.allowsName({ host: "::2", port: 4396 }), false, name);
    const hasPort = readPublicName(name).port !== undefined;
    assertEquals(rules.allowsName({ host: "::1", port: 4397 }), !hasPort, name);
  }
  const rules = new EntryRules({ publicNames: ["Chat.Example.:4396"] });
  assertEquals(rules.allowsName({ host: "chat.example", port: 4396 }), true);
  assertEquals(rules.allowsName({ host: "chat.example", port: 1 }), false);
});
