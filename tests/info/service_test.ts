// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { findServices, parseServices } from "../../lib/info.ts";
import { withheld } from "../fixtures/granted.ts";

/** The ports of a service, or its names, once each. */
async function found(query: string, what: "port" | "name") {
  const { services } = await findServices(query);
  return [...new Set(services.map((service) => service[what]))];
}

Deno.test("findServices() gives the tutorial's services, in both directions", async () => {
  const table = { http: 80, domain: 53, smtp: 25, ftp: 21, mysql: 3306, ssh: 22 };
  for (const [name, port] of Object.entries(table)) {
    assertEquals(await found(String(port), "name"), [name]);
    assertEquals(await found(name, "port"), [port]);
  }
});

Deno.test({
  name:
    "findServices() without /etc/services says that the list is IANA's, and which flag permits the file",
  ignore: !withheld("read=/etc/services"),
  async fn() {
    const { services, missing } = await findServices("80");
    assertEquals(services.map(({ name, protocol, source }) => [name, protocol, source]), [
      ["http", "tcp", "IANA"],
      ["http", "udp", "IANA"],
    ]);
    assertEquals(missing.map(({ permission }) => permission), ["read=/etc/services"]);
  },
});

Deno.test("findServices() knows aliases, and tells the transports apart", async () => {
  assertEquals(await found("www", "name"), ["http"]);
  assertEquals(await found("mail", "port"), [25]);
  assertEquals(await found("HTTP", "port"), [80]);
  const udp = await findServices("domain", { protocol: "udp" });
  assertEquals(udp.services.map(({ protocol }) => protocol), ["udp"]);
  const { services } = await findServices("9", { protocol: "tcp" });
  assert(services[0]?.aliases.includes("sink"));
});

Deno.test({
  name: "findServices() knows the services that IANA lists with a range of ports",
  ignore: !withheld("read=/etc/services"),
  async fn() {
    for (const port of ["6000", "6063"]) assertEquals(await found(port, "name"), ["x11"]);
    assertEquals(await found("ircu", "port"), [6665, 6666, 6667, 6668, 6669]);
    assertEquals(await found("6064", "name"), ["ndl-ahp-svc"]);
    await assertRejects(() => findServices("6665", { protocol: "udp" }), Failure);
  },
});

Deno.test("findServices() fails for an unknown service, and suggests a similar name", async () => {
  const name = await assertRejects(() => findServices("htpp"), Failure);
  assertEquals([name.code, name.exitCode, name.hint], ["UNKNOWN_SERVICE", 1, "did you mean http?"]);
  const port = await assertRejects(() => findServices("4"), Failure);
  assertEquals([port.code, port.exitCode], ["UNKNOWN_SERVICE", 1]);
  const range = await assertRejects(() => findServices("65536"), Failure, "from 0 to 65535");
  assertEquals(range.exitCode, 2);
  await assertRejects(() => findServices(""), Failure, "the name is empty");
});

Deno.test("parseServices() reads a services(5) file, and skips lines that are not services", () => {
  const text = [
    "# a comment",
    "",
    "http\t80/tcp\twww  www-http # World Wide Web # again",
    "  domain 53/udp",
    "rtmp 1/ddp",
    "broken",
    "large 65536/tcp",
  ].join("\n");
  assertEquals(parseServices(text, "a file"), [
    {
      name: "http",
      port: 80,
      protocol: "tcp",
      aliases: ["www", "www-http"],
      description: "World Wide Web # again",
      source: "a file",
    },
    { name: "domain", port: 53, protocol: "udp", aliases: [], description: "", source: "a file" },
  ]);
});
