// needs: net run=chromium read=tests/scratch write=tests/scratch (about 20 s)

/**
 * How the page is opened: from another machine without TLS, as a file, with a room in its address, and in the
 * background.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { readPage } from "../../lib/chat/web/page.ts";
import { Scratch } from "../fixtures/scratch.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { ELSEWHERE, Meeting, Visitor, WebRoom } from "./room.ts";

const PAGE = await readPage();

const ignore = !HAS_CHROMIUM;

Deno.test({
  name: "over plain http from another machine the page says why it cannot run and what to do",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.open(chromium, `http://${ELSEWHERE}:${room.port}/`);
    await ada.sees("plain http from another machine", `[role="alert"]`);
    await ada.sees("--tls-cert", "main");
    await ada.sees(`http://localhost:${room.port}/`, "main");
    await ada.sees("parley chat page", "main");
    assertEquals(await ada.evaluates(`document.querySelector("form")`), null);
  },
});

Deno.test({
  name:
    "a page of another origin cannot open the WebSocket, and a request with another Host gets no page",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    const page = await chromium.browser.newPage();
    await using stranger = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("<p>a stranger", { headers: { "Content-Type": "text/html" } }),
    );
    const opens = (url: string) =>
      page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket("${url}");
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      })`);
    const socket = `${room.url.replace("http", "ws")}chat?room=`;
    await page.goto(`http://127.0.0.1:${stranger.addr.port}/`);
    assertEquals(await opens(socket), "refused");
    await page.goto(room.url);
    assertEquals(await opens(socket), "open");
    const misled = await page.goto(`http://evil.test:${room.port}/`);
    assertEquals(misled?.status(), 421);
    assertEquals((await page.content()).includes("<form"), false);
  },
});

Deno.test({
  name: "the page is sent compressed, and has the hash that the server prints",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    const page = await chromium.browser.newPage();
    const answer = await page.goto(room.url);
    assertEquals(answer?.headers()["content-encoding"], "br");
    assertEquals(await answer?.text(), PAGE);
  },
});

Deno.test({
  name: "opened as a file, the page asks for a server and joins it",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using scratch = await Scratch.make();
    const file = await scratch.write("parley.html", PAGE);
    await using chromium = await Chromium.start();
    await using ada = await Visitor.open(chromium, `file://${file}`);
    await ada.page.waitForSelector("input[name=address]");
    await ada.page.keyboard.sendCharacter("ada");
    await ada.page.focus("input[name=address]");
    await ada.page.keyboard.sendCharacter("not an address");
    await ada.page.keyboard.press("Enter");
    await ada.sees("this is no address of a server", `[role="alert"]`);
    // A browser does so on a page that came by https.
    await ada.evaluates(`globalThis.Opens = WebSocket, globalThis.WebSocket = class {
      constructor() { throw new DOMException("mixed content", "SecurityError"); } }, 0`);
    await ada.enterInto("address", `ws://127.0.0.1:${room.port}`);
    await ada.sees("the browser lets this page connect by wss only", `[role="alert"]`);
    await ada.evaluates(`globalThis.WebSocket = Opens, 0`);
    await ada.enterInto("address", `ws://127.0.0.1:${room.port}`);
    await ada.isIn();
    await using bo = await room.join("bo");
    await ada.sees("bo joined");
    await ada.says("from a file");
    await bo.hears("from a file");
  },
});

Deno.test({
  name: "the address bar names the room, and the form reports a server that is gone",
  ignore,
  async fn() {
    const room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `${room.url}tea`, "ada");
    await ada.sees("you are ada in the room tea");
    assertEquals(await ada.page.title(), "tea – parley");
    await ada.says("/quit");
    await ada.page.waitForSelector(".ended");
    await room[Symbol.asyncDispose]();
    await ada.presses("Join again");
    await ada.sees("cannot connect to 127.0.0.1", `[role="alert"]`);
  },
});

Deno.test({
  name: "the title counts unseen messages until the person looks",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    await ada.page.bringToFront();
    bo.session.send("seen");
    await ada.sees("seen");
    assertEquals(await ada.page.title(), "parley");
    await ada.evaluates(
      `dispatchEvent(new Event("blur")), Object.defineProperty(document, "hasFocus", {
      value: () => globalThis.looks, configurable: true })`,
    );
    await ada.evaluates(`globalThis.looks = false, dispatchEvent(new Event("blur"))`);
    bo.session.send("one");
    bo.session.send("two");
    await ada.sees("two");
    await ada.waits(`document.title === "(2) parley"`);
    await ada.evaluates(`globalThis.looks = true, dispatchEvent(new Event("focus"))`);
    await ada.waits(`document.title === "parley"`);
  },
});
