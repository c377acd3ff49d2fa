// needs: net run=chromium,deno read=tests/scratch write=tests/scratch (about 20 s)

/**
 * Invitations at pages: a guest with a browser, and a guest of somebody who has only a browser.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { ChatProcess, startServer } from "../chat/app/chat_process.ts";
import { readPage } from "../../lib/chat/web/page.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { Scratch } from "../fixtures/scratch.ts";
import { granted } from "../fixtures/granted.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Visitor, WebRoom } from "./room.ts";

const PAGE = await readPage();

const ignore = !HAS_CHROMIUM || !granted("run=deno");

Deno.test({
  name: "a guest in a browser and its inviter are invited for each other by the link alone",
  ignore,
  async fn() {
    const { server } = await startServer("--web", "--name", "ada", "--invite", "--invited");
    await using _server = server;
    const { web } = await server.event("invitation");
    await using chromium = await Chromium.start();
    await using bo = await Visitor.open(chromium, web as string);
    await bo.waits(`location.hash === ""`);
    await bo.sees("You are invited.", ".join");
    await bo.enters("bo");
    await bo.sees("✓ invited", ".people");
    await server.until(
      (one) => one.all("trust").some(({ name, trust }) => name === "bo" && trust === "invited"),
      "bo is invited",
    );
    await bo.says("by your link");
    await server.event("message");
    // This server wants the invitation with each join: a page that is reloaded still has it, until the person leaves.
    await bo.page.reload();
    await bo.isIn();
    const kept = `Object.values(sessionStorage).join().includes("#")`;
    assertEquals(await bo.evaluates(kept), true);
    await bo.says("/quit");
    await bo.page.waitForSelector(".ended");
    assertEquals(await bo.evaluates(`sessionStorage.length`), 0);
    // A second browser has the same link.
    await using eve = await Chromium.start();
    await using other = await Visitor.open(eve, web as string);
    await other.asks("cy");
    await other.sees("the invitation", "[role=alert]");
  },
});

Deno.test({
  name:
    "messages of a guest in a browser wait for the inviter, and reach nobody if the invitation is over",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, room.url, "ada");
    const link = await ada.invites();
    await using guests = await Chromium.start();
    await using cy = await Visitor.join(guests, room.url, "cy");
    await ada.says("/quit");
    await cy.sees("ada left");
    await using bo = await Visitor.open(guests, link);
    await bo.enters("bo");
    await bo.says("for ada alone");
    await bo.sees('waits for the person who invited you: "for ada alone"');
    await cy.says("who are you?");
    await bo.sees("who are you?");
    assert(!(await cy.text(".scrolled")).includes("for ada alone"));
    // A link that was opened again proves nothing to who has forgotten the invitation.
    await ada.page.click(".ended .good");
    await ada.sees("came by a link that you have not made in this run");
    await bo.sees("it has expired or was withdrawn, or ada has started again since", ".ended");
    assert(!(await ada.text(".scrolled")).includes("for ada alone"));
  },
});

Deno.test({
  name: "a link opened in a tab of another room leads to its own room, even without a reload",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}tea`, "ada");
    const link = await ada.invites();
    await using guests = await Chromium.start();
    await using bo = await Visitor.join(guests, `${room.url}other`, "bo");
    await bo.sees("you are bo in the room other");
    await bo.page.goto(link);
    await bo.sees("You are invited.", ".join");
    assertEquals(await bo.evaluates(`document.querySelector("input[name=room]").value`), "tea");
    await bo.page.keyboard.press("Enter");
    await ada.sees("bo joins by your invitation 1");
    // The same link again changes what follows # alone: the page takes it, and hides it.
    await bo.page.goto(link);
    await bo.waits(`location.hash === ""`);
  },
});

Deno.test({
  name: "a page opened as a file accepts a link as the server's address",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using scratch = await Scratch.make();
    const file = await scratch.write("parley.html", PAGE);
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}tea`, "ada");
    const link = await ada.invites();
    await using guests = await Chromium.start();
    await using bo = await Visitor.open(guests, `file://${file}`);
    await bo.page.waitForSelector("input[name=address]");
    await bo.page.keyboard.sendCharacter("bo");
    await bo.page.focus("input[name=address]");
    await bo.page.keyboard.sendCharacter(link);
    await bo.page.keyboard.press("Enter");
    await ada.sees("bo joins by your invitation 1");
  },
});

Deno.test({
  name: "a page invites a terminal, and both are invited for each other by the link alone",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only");
    await using _server = server;
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `http://${address}/`, "ada");
    const link = await ada.invites();
    await using bo = new ChatProcess(["client", link, "--name", "bo", "--json"]);
    await ada.sees("bo joins by your invitation 1");
    await bo.until((one) => one.all("trust").length === 1, "ada has invited bo");
    assertEquals(bo.all("trust")[0]!["trust"], "invited");
    await bo.type("hello ada\n");
    await ada.sees("hello ada");
  },
});

/** A proxy that serves a relay under a prefix. */
class PrefixProxy implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #relay: number;
  readonly #prefix: string;

  constructor(relay: number, prefix: string) {
    this.#relay = relay;
    this.#prefix = prefix;
    this.#run();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}${this.#prefix}/`;
  }

  async #run(): Promise<void> {
    for await (const conn of this.#listener) this.#pass(conn);
  }

  async #pass(conn: Deno.Conn): Promise<void> {
    const relay = await Deno.connect({ hostname: "127.0.0.1", port: this.#relay });
    const buffer = new Uint8Array(8 << 10);
    const length = await conn.read(buffer) ?? 0;
    const head = new TextDecoder().decode(buffer.subarray(0, length));
    const rewritten = utf8(head.replace(` ${this.#prefix}/`, " /"));
    const [toRelay, toBrowser] = [relay.writable, conn.writable];
    const writer = toRelay.getWriter();
    await writer.write(rewritten);
    writer.releaseLock();
    // Either side may end first.
    await Promise.allSettled([conn.readable.pipeTo(toRelay), relay.readable.pipeTo(toBrowser)]);
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

Deno.test({
  name: "a page under a proxy's prefix invites pages and terminals under that prefix",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    using proxy = new PrefixProxy(room.port, "/parley");
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${proxy.url}tea`, "ada");
    const link = await ada.invites();
    assert(link.startsWith(`${proxy.url}tea#`), link.slice(0, -43));
    await using bo = new ChatProcess(["client", link, "--name", "bo", "--json", "--commands"]);
    await ada.sees("bo joins by your invitation 1");
    await bo.type("/invite\n");
    const own = String((await bo.event("invitation")).link);
    assert(own.startsWith(`${proxy.url}tea#`), own.slice(0, -43));
    await using guests = await Chromium.start();
    await using cy = await Visitor.open(guests, own);
    await cy.enters("cy");
    await cy.sees("✓ invited", ".people");
  },
});
