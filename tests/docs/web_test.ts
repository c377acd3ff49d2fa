// needs: net run=deno,nginx,openssl read=.,tests/scratch write=tests/scratch (about 15 s)

/**
 * The example for nginx in `docs/web.md`, before a relay: as the document has it, but for ports and files.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import { ChatProcess } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { HAS_OPENSSL } from "../fixtures/openssl.ts";
import { MAY_WRITE } from "../fixtures/scratch.ts";
import { Certificates } from "../net/certificates.ts";
import { exampleOf, freePort, isInstalled, type Place, replaced, testProxy } from "./proxy.ts";

const HAS_NGINX = granted("run=nginx") && await isInstalled("nginx", "-v");
const ignore = !HAS_NGINX || !HAS_OPENSSL || !MAY_WRITE ||
  !granted("run=deno,nginx,openssl", "read=.");

/**
 * The configuration of the document, for other ports, with files in one directory.
 *
 * @param prefix What the proxy serves the relay under.
 */
async function configuration(
  { port, relay, certificates }: Place,
  prefix = "",
): Promise<string> {
  const file = (name: string) => certificates.file(name);
  const example = replaced(await exampleOf("nginx\n"), {
    "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;`,
    "ssl_certificate cert.pem;": `ssl_certificate ${file("good.pem")};`,
    "ssl_certificate_key key.pem;": `ssl_certificate_key ${file("good.key")};`,
    "location / {": `location ${prefix}/ {`,
    "proxy_pass http://127.0.0.1:4396;": `proxy_pass http://${relay}${prefix && "/"};`,
  });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${file(name)};`).join("\n");
  return `daemon off;\nmaster_process off;\npid ${file("pid")};\nerror_log ${
    file("error.log")
  };\nevents {}\n` +
    `http {\naccess_log off;\n${temporary}\n${example}\n}\n`;
}

Deno.test({
  name:
    "the document's nginx passes the page and WebSockets on, with the names and origins checked",
  ignore,
  fn: () =>
    testProxy(async (place) => {
      const { certificates } = place;
      const config = await certificates.write("nginx.conf", await configuration(place));
      const args = ["-c", config, "-e", certificates.file("error.log")];
      return new Deno.Command("nginx", { args, stdin: "null" }).spawn();
    }, /^HTTP\/1\.1 421 /),
});

Deno.test({
  name: "under a prefix of the document's nginx, links of the server and of its members have it",
  ignore,
  async fn() {
    await using certificates = await Certificates.make();
    await certificates.issue("good", { names: "DNS:localhost" });
    const [port, listens] = [freePort(), freePort()];
    const file = (name: string) => certificates.file(name);
    const relay = `127.0.0.1:${listens}`;
    const text = await configuration({ port, relay, certificates }, "/parley");
    const config = await certificates.write("nginx.conf", text);
    const args = ["-c", config, "-e", file("error.log")];
    await using _nginx = new Deno.Command("nginx", { args, stdin: "null" }).spawn();
    const page = `https://localhost:${port}/parley/`;
    const options = ["--json", "--commands", "--name"];
    const place = ["--port", `${listens}`, "--web", "--web-page", page, "--room", "tea"];
    await using ada = new ChatProcess([
      "server",
      ...place,
      // The guests dial the name of the page.
      "--public-name",
      "relay.example",
      "--invited",
      "--invite",
      ...options,
      "ada",
    ]);
    const { web } = await ada.event("listening");
    assertEquals((web as { url: string }).url, `${page}tea`);
    const made = await ada.event("invitation");
    assertMatch(String(made.link), new RegExp(`^${page}tea#[\\w-]{43}$`));
    assertEquals(made.web, made.link);
    const join = (link: unknown, name: string) =>
      new ChatProcess([
        "client",
        String(link),
        "--listen",
        "--ca",
        file("ca.pem"),
        ...options,
        name,
      ], [
        "--allow-net",
        "--allow-read",
      ]);
    await using bo = join(made.link, "bo");
    await bo.until((one) => one.all("trust").some(({ trust }) => trust === "invited"), "bo is in");
    await ada.type("/invite\n");
    await ada.until((one) => one.all("invitation").length === 2, "another link");
    await bo.type("/invite\n");
    const own = await bo.event("invitation");
    assertMatch(String(own.link), new RegExp(`^${page}tea#[\\w-]{43}$`));
    await using cy = join(ada.all("invitation")[1]!.link, "cy");
    await cy.until((one) => one.all("trust").some(({ trust }) => trust === "invited"), "cy is in");
  },
});
