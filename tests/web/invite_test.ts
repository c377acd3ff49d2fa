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
import { scanned } from "./qr_code.ts";
import { Meeting, Visitor, WebRoom } from "./room.ts";

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
    await bo.sees("if in doubt, choose somebody and compare words");
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
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
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
    await bo.sees(
      "the invitation has expired or is withdrawn, or ada has started again since",
      ".ended",
    );
    await bo.sees("since – ask ada for another link", ".ended");
    // The page leaves: the others do not take bo for a member whose connection is lost.
    await cy.waits(`!document.querySelector(".people").textContent.includes("bo")`);
    // Only the box below the conversation has a line above it.
    const lines = `[...document.querySelectorAll(".ended")].map((one) => ` +
      `one.tagName + getComputedStyle(one).borderTopWidth).sort().join()`;
    assertEquals(await bo.evaluates(lines), "DIV1px,P0px");
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

/** The forms in which people and programs pass a link on, and the relay that each leads to. */
const FORMS: readonly ((link: string) => string)[] = [
  (link) => link,
  (link) => link.replace("http", "HTTP"),
  (link) => `  ${link} `,
  (link) => link.replace("tea", "%74e%61"),
  // This relay answers WebSockets at the port of its own protocol.
  (link) => link.replace("http", "parley"),
  (link) => link.replace("http", "PARLEY"),
];

Deno.test({
  name: "a link to a room whose name ends in .html is one to a room, with that dot escaped or not",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}notes%2Ehtml`, "ada");
    const link = await ada.invites();
    assert(link.includes("/notes%2Ehtml#"), link);
    await using guests = await Chromium.start();
    for (const one of [link, link.replace("%2E", ".")]) {
      await using bo = await Visitor.open(guests, one);
      await bo.waits(`location.hash === ""`);
      await bo.sees("You are invited.", ".join");
      const value = `document.querySelector("input[name=room]").value`;
      assertEquals(await bo.evaluates(value), "notes.html");
    }
  },
});

Deno.test({
  name: "a page that is a file takes a link in place of the server's address, in any of its forms",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using scratch = await Scratch.make();
    const file = await scratch.write("parley.html", PAGE);
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}tea`, "ada");
    for (const [i, form] of FORMS.entries()) {
      const link = await ada.invites();
      await using guests = await Chromium.start();
      await using bo = await Visitor.open(guests, `file://${file}`);
      await bo.page.waitForSelector("input[name=address]");
      await bo.types(`bo${i}`);
      await bo.enterInto("address", form(link));
      await ada.sees(`bo${i} joins by your invitation ${i + 1}`);
    }
  },
});

Deno.test({
  name: "a page that is a file says which link it needs where nobody answers that of a terminal",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const link = await meeting.ada.invites();
    await using scratch = await Scratch.make();
    const file = await scratch.write("parley.html", PAGE);
    await using bo = await Visitor.open(meeting.browser, `file://${file}`);
    await bo.page.waitForSelector("input[name=address]");
    await bo.types("bo");
    // Nothing listens at the discard port.
    await bo.enterInto("address", link.replace(/http:..127.0.0.1:\d+/, "parley://127.0.0.1:9"));
    await bo.sees("ask for the https link of the same invitation", "[role=alert]");
  },
});

Deno.test({
  name:
    "the page of a relay takes a link of its own in place of a room, and says of others what to do",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}tea`, "ada");
    const link = (await ada.invites()).replace("http", "parley");
    await using guests = await Chromium.start();
    await using bo = await Visitor.open(guests, room.url);
    await bo.page.waitForSelector("input[name=room]");
    await bo.types("bo");
    const other = link.replace("127.0.0.1", "chat.example");
    await bo.enterInto("room", other);
    await bo.sees("it leads to another server, chat.example", "[role=alert]");
    await bo.sees("ask for the https link of the same invitation", "[role=alert]");
    await bo.enterInto("room", other.replace("parley", "https"));
    await bo.sees("open the link in the browser itself", "[role=alert]");
    await bo.enterInto("room", link);
    await ada.sees("bo joins by your invitation 1");
    assertEquals(await bo.text(".bar h1"), "tea");
  },
});

Deno.test({
  name: "a page shows the link of an invitation as a code for a phone, and copies it",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { browser, ada } = meeting;
    await ada.page.click(".menu");
    await ada.presses("Invite somebody");
    await ada.sees("send it privately");
    const link = await ada.link();
    // What a browser opens comes first, and what a terminal needs last.
    const told = await ada.evaluates(
      `[...document.querySelector(".note:has(.code)").firstChild.childNodes].map((one) => one.textContent)`,
    ) as string[];
    assertEquals(told.length, 3);
    assert(told[0]!.startsWith("invitation 1 (for one guest on this machine, until "), told[0]);
    assert(told[0]!.endsWith("); send it privately: whoever has the link is your guest"), told[0]);
    assertEquals(told[1], `${link}Copy the link`);
    assert(told[2]!.startsWith(`at a terminal: parley chat client ${link}\n`), told[2]);
    assertEquals(await scanned(browser, ada.page, ".note .code"), link);
    const access = { name: "clipboard-write" } as const;
    await ada.context.setPermission(ada.origin, { permission: access, state: "granted" });
    await ada.presses("Copy the link");
    await ada.sees("Copied");
    const reads = { name: "clipboard-read" } as const;
    await ada.context.setPermission(ada.origin, { permission: reads, state: "granted" });
    assertEquals(await ada.evaluates("navigator.clipboard.readText()"), link);
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
