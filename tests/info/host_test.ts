import {
  describeHost,
  describeRuntime,
  ENVIRONMENT_STEPS,
  lookUpHost,
  prefixLength,
} from "../../lib/info.ts";
import { VERSION } from "../../lib/os/build.ts";
import { withheld } from "../fixtures/granted.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";

Deno.test({
  name: "describeHost() with the network alone names the flag that permits the rest",
  ignore: !withheld("sys"),
  async fn() {
    const { name, interfaces, release, os, arch, missing } = await describeHost();
    assertEquals([name, interfaces, release], [null, null, null]);
    assertEquals([os, arch], [Deno.build.os, Deno.build.arch]);
    assertEquals(missing.length, 3);
    assert(missing.every(({ permission }) => permission === "sys"));
  },
});

Deno.test("prefixLength() counts the bits of an IPv6 netmask", () => {
  const masks = ["::", "ff00::", "ffff:ffff:ffff:fe00::", "ffff:ffff:ffff:ffff::"];
  assertEquals(masks.map(prefixLength), [0, 8, 55, 64]);
  assertEquals(prefixLength(Array(8).fill("ffff").join(":")), 128);
});

Deno.test("lookUpHost() gives a host's addresses, once each", async () => {
  const found = await lookUpHost("localhost");
  assert(found.some(({ address }) => address === "127.0.0.1" || address === "::1"));
  assertEquals(new Set(found.map(({ address }) => address)).size, found.length);
  for (const { address, family } of found) {
    assertEquals(family, address.includes(":") ? "IPv6" : "IPv4");
  }
});

Deno.test("describeRuntime() names the versions, and that it is not compiled", () => {
  const { parley, deno, v8, typescript, compiled } = describeRuntime();
  assertEquals([parley, deno, v8, typescript, compiled], [
    VERSION,
    Deno.version.deno,
    Deno.version.v8,
    Deno.version.typescript,
    false,
  ]);
});

Deno.test("every step of virtualenvwrapper has a counterpart in Deno", () => {
  const steps = ENVIRONMENT_STEPS.map(({ virtualenv }) => virtualenv).join("\n");
  for (const word of ["mkvirtualenv", "workon", "deactivate", "rmvirtualenv"]) {
    assert(steps.includes(word), word);
  }
  assert(ENVIRONMENT_STEPS.every(({ deno }) => deno !== ""));
});
