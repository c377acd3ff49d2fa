// needs: net run=chromium,deno read=tests/scratch write=tests/scratch (about 50 s)

/**
 * A page whose connection is lost, that is reloaded, or whose relay is killed.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { ChatProcess, startServer } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Meeting, Visitor, WebRoom } from "./room.ts";

const ignore = !HAS_CHROMIUM || !granted("run=deno");

Deno.test({
  name:
    "a page that loses its connection shows it, keeps new messages and sends them when it is back",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, ada } = meeting;
    const bo = await meeting.page("bo");
    room.offline = true;
    room.cut();
    await ada.page.waitForSelector(".status.lost");
    await ada.says("while away");
    await ada.says("and more");
    await ada.sees("connection lost, trying again … 2 lines wait", ".status");
    await ada.page.waitForSelector(`textarea[placeholder$="sent after reconnecting"]`);
    room.offline = false;
    await ada.isIn();
    await bo.sees("and more");
    await ada.sees("reconnected");
    await ada.waits(`document.querySelectorAll(".own .mark.delivered").length === 2`);
    await bo.says("welcome back");
    await ada.sees("welcome back");
  },
});

Deno.test({
  name: "a reloaded page rejoins the room at once with the same key",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.page("bo");
    await ada.asksWho("ada");
    const fingerprint = await ada.text(".who .fingerprint");
    await ada.page.reload();
    await ada.isIn();
    await ada.asksWho("ada");
    assertEquals(await ada.text(".who .fingerprint"), fingerprint);
    await ada.page.keyboard.press("Escape");
    await ada.says("still ada");
    await bo.sees("still ada");
    // The same person is there again: nothing of it is told.
    const told = await bo.text(".scrolled");
    for (const word of ["HAS CHANGED", "away", "gone", "back", "joined"]) {
      assertEquals(told.includes(word), false, `${word} in:\n${told}`);
    }
  },
});

Deno.test({
  name: "the kept key of a page cannot be exported",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const tried = await ada.evaluates(`new Promise((resolve, reject) => {
      const opening = indexedDB.open("parley");
      opening.onerror = reject;
      opening.onsuccess = () => {
        const reading = opening.result.transaction("things").objectStore("things").get("identity");
        reading.onerror = reject;
        reading.onsuccess = async () => {
          const { privateKey } = reading.result;
          const refusals = ["pkcs8", "jwk"].map((format) =>
            crypto.subtle.exportKey(format, privateKey).then(() => "exported", ({ name }) => name));
          resolve([privateKey.type, privateKey.extractable, ...await Promise.all(refusals)]);
        };
      };
    })`);
    assertEquals(tried, ["private", false, "InvalidAccessError", "InvalidAccessError"]);
  },
});

Deno.test({
  name: "a page that does not keep its key has another one after leaving",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using ada = await Visitor.open(chromium, room.url);
    await ada.page.click("input[name=keep]");
    await ada.page.focus("input[name=name]");
    await ada.enters("ada");
    await ada.says("/fingerprint");
    await ada.sees("your key lasts until you leave");
    const first = await ada.evaluates(
      `/SHA256:[^ ]{43}/.exec(document.querySelector(".scrolled").textContent)[0]`,
    );
    await ada.page.click(".menu");
    await ada.presses("Leave the room");
    await ada.presses("Join again");
    await ada.isIn();
    await ada.says("/fingerprint");
    await ada.sees("your fingerprint is");
    const second = await ada.evaluates(
      `/SHA256:[^ ]{43}/.exec(document.querySelector(".scrolled").textContent)[0]`,
    );
    assertEquals(first === second, false);
    assertEquals(await ada.evaluates(`indexedDB.databases().then((all) => all.length)`), 1);
  },
});

Deno.test({
  name: "pages rejoin a relay that was killed and restarted, and send waiting messages",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only");
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `http://${address}/`, "ada");
    await using bo = await Visitor.join(chromium, `http://${address}/`, "bo");
    await ada.sees("bo joined");
    server.kill("SIGKILL");
    await server[Symbol.asyncDispose]();
    await ada.page.waitForSelector(".status.lost");
    await ada.says("between two relays");
    const port = address.split(":")[1]!;
    await using again = new ChatProcess(
      ["server", "--port", port, "--json", "--web", "--relay-only"],
    );
    await again.event("listening");
    await bo.sees("between two relays");
    await ada.isIn();
    await bo.says("here we are");
    await ada.sees("here we are");
  },
});

Deno.test({
  name: "the form refuses a taken name with advice",
  ignore,
  async fn() {
    await using room = await WebRoom.open();
    await using chromium = await Chromium.start();
    await using _ada = await room.join("ada");
    await using other = await Visitor.open(chromium, room.url);
    await other.asks("Ada");
    await other.sees("that name, or one like it, is taken", `[role="alert"]`);
    await other.sees("choose another name", `[role="alert"]`);
    await other.page.focus("input[name=name]");
    await other.page.keyboard.press("End");
    await other.page.keyboard.sendCharacter("line");
    await other.page.keyboard.press("Enter");
    await other.isIn();
    await other.sees("you are Adaline");
  },
});
