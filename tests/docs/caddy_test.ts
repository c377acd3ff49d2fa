// needs: net run=caddy,deno,openssl read=.,tests/scratch write=tests/scratch (about 15 s)

/**
 * The example for Caddy in `docs/web.md`, before a relay: as the document has it, but for ports, files and a
 * certificate of the test's own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { HAS_OPENSSL } from "../fixtures/openssl.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";
import { exampleOf, isInstalled, NAME, type Place, replaced, testProxy } from "./proxy.ts";

const HAS_CADDY = granted("run=caddy") && await isInstalled("caddy", "version");
const ignore = !HAS_CADDY || !HAS_OPENSSL || !MAY_WRITE ||
  !granted("run=caddy,deno,openssl", "read=.");

/** The example of the document. */
const example = () => exampleOf(`text\n${NAME} {\n`);

/** Where Caddy keeps its own files. */
function surroundings(directory: string) {
  return { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
}

/** The configuration of the document, for other ports. */
async function configuration({ port, relay, certificates }: Place): Promise<string> {
  const pair = `${certificates.file("good.pem")} ${certificates.file("good.key")}`;
  const site = replaced(await example(), {
    [`${NAME} {`]: `${NAME}:${port}, localhost:${port} {\n    tls ${pair}`,
    "127.0.0.1:4396": relay,
  });
  return `{\n    admin off\n    auto_https disable_redirects\n}\n\n${site}`;
}

Deno.test({
  name: "Caddy finds nothing wrong with the document's example",
  ignore,
  async fn() {
    await using scratch = await Scratch.make();
    const config = await scratch.write("Caddyfile", await example());
    const args = ["validate", "--config", config, "--adapter", "caddyfile"];
    const env = surroundings(scratch.path);
    const { success, stderr } = await new Deno.Command("caddy", { args, env }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
  },
});

Deno.test({
  name:
    "the document's Caddy passes the page and WebSockets on, with the names and origins checked",
  ignore,
  // Caddy itself answers who asks for another name: with nothing.
  fn: () =>
    testProxy(async (place) => {
      const { certificates } = place;
      const config = await certificates.write("Caddyfile", await configuration(place));
      const args = ["run", "--config", config, "--adapter", "caddyfile"];
      const env = surroundings(certificates.file("."));
      return new Deno.Command("caddy", { args, env, stdin: "null", stderr: "null" }).spawn();
    }, /^HTTP\/1\.[01] 200 OK\r\n[^<]*$/),
});
