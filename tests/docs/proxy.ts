/**
 * A relay behind a proxy that has a certificate, as `docs/web.md` shows it: what each such proxy has to pass on.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { utf8 } from "../../lib/base/bytes.ts";
import { readPage } from "../../lib/chat/web/page.ts";
import { ChatProcess, startServer } from "../chat/app/chat_process.ts";
import { Certificates } from "../net/certificates.ts";
import { readDocument } from "./documents.ts";

/** The name that the document's examples serve. */
export const NAME = "chat.example.org";

/** What a proxy needs to start. */
export interface Place {
  /** The port that it listens on. */
  readonly port: number;
  /** Where the relay listens, `HOST:PORT`. */
  readonly relay: string;
  /** A directory for its files, with the certificate `good.pem` and its key `good.key`. */
  readonly certificates: Certificates;
}

/** Returns the document's example that begins with a line. */
export async function exampleOf(fence: string): Promise<string> {
  const text = await readDocument("docs/web.md");
  const [, ...parts] = text.split(`\`\`\`${fence}`);
  assertEquals(parts.length, 1, fence);
  return fence.split("\n").slice(1).join("\n") + parts[0]!.split("```")[0]!;
}

/** Puts something else into the places of an example that a test has other values for. */
export function replaced(example: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((all, [from, to]) => {
    assert(all.includes(from), from);
    return all.replace(from, to);
  }, example);
}

/** Reports whether a program is installed. */
export function isInstalled(program: string, ...args: readonly string[]): Promise<boolean> {
  return new Deno.Command(program, { args: [...args] }).output().then(
    ({ success }) => success,
    () => false,
  );
}

/**
 * Tests a proxy: pages and WebSockets pass, with the names and origins that the relay checks.
 *
 * @param start Starts the proxy.
 * @param refusal The beginning of the answer to somebody who asks for another name.
 */
export async function testProxy(
  start: (place: Place) => Promise<Deno.ChildProcess>,
  refusal: RegExp,
): Promise<void> {
  await using certificates = await Certificates.make();
  await certificates.issue("good", { names: `DNS:${NAME},DNS:localhost` });
  const names = ["--public-name", NAME, "--public-name", "localhost"];
  const { server, address } = await startServer("--web", "--relay-only", ...names);
  await using _server = server;
  const port = freePort();
  await using _proxy = await start({ port, relay: address, certificates });
  const ask = async (...fields: readonly string[]) => {
    using conn = await connect(port, await certificates.text("ca.pem"));
    await conn.write(utf8(`${fields.join("\r\n")}\r\nConnection: close\r\n\r\n`));
    return await new Response(conn.readable).text();
  };
  const page = await ask("GET /garden HTTP/1.0", `Host: ${NAME}:${port}`);
  assertMatch(page, /^HTTP\/1\.[01] 200 /);
  assertMatch(
    page,
    new RegExp(`connect-src 'self' ws://${NAME}:${port} wss://${NAME}:${port}\r\n`, "i"),
  );
  assert(page.endsWith(await readPage()));
  const refused = await ask("GET / HTTP/1.0", "Host: evil.example");
  assertMatch(refused, refusal);
  assert(!refused.includes("<html"));
  await testTalk(port, certificates);
}

async function testTalk(port: number, certificates: Certificates): Promise<void> {
  const flags = ["--allow-net", "--allow-read"];
  const join = (url: string, name: string) => {
    const options = ["--name", name, "--json", "--listen", "--ca", certificates.file("ca.pem")];
    return new ChatProcess(["client", url, ...options], flags);
  };
  await using ada = join(`https://localhost:${port}/garden`, "ada");
  await ada.event("joined");
  await using bo = join(`wss://localhost:${port}/chat?room=garden`, "bo");
  await bo.until((one) => one.all("joined").length === 2, "both are in");
  await bo.type("through the proxy\n");
  assertEquals((await ada.event("message")).text, "through the proxy");
}

/** Returns a port that nobody uses. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function connect(port: number, ca: string): Promise<Deno.Conn> {
  try {
    return await Deno.connectTls({ hostname: "localhost", port, caCerts: [ca] });
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50)); // it starts
    return await connect(port, ca);
  }
}
