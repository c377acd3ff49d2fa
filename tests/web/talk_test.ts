// needs: net run=chromium,deno read=tests/scratch write=tests/scratch (about 30 s)

/**
 * People talk: at pages and at a terminal, in one room.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { startClient, startServer } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";
import { Chromium, HAS_CHROMIUM } from "./chromium.ts";
import { Meeting, Visitor } from "./room.ts";

const ignore = !HAS_CHROMIUM || !granted("run=deno");

Deno.test({
  name: "two pages and a terminal exchange messages in one room",
  ignore,
  async fn() {
    const { server, address } = await startServer("--web", "--relay-only");
    await using _server = server;
    await using chromium = await Chromium.start();
    await using ada = await Visitor.join(chromium, `http://${address}/`, "ada");
    await using bo = await Visitor.join(chromium, `http://${address}/`, "bo");
    await ada.sees("bo joined (new)");
    await using cy = await startClient(address, "cy");
    await ada.sees("cy joined");
    await bo.sees("cy joined");

    await ada.says("from a page");
    await bo.sees("from a page");
    await cy.until((one) => one.all("message").length === 1, "the line of the page");
    assertEquals(cy.all("message")[0]!["text"], "from a page");
    await cy.type("from a terminal\n");
    for (const one of [ada, bo]) await one.sees("from a terminal");
    await ada.sees("shown to everyone", ".own .mark");
    assertEquals(await ada.text(".own .mark [aria-hidden]"), "✓✓");
  },
});

Deno.test({
  name: "a private message reaches one page only, and both pages mark it",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.page("bo");
    const cy = await meeting.guest("cy");
    await ada.says("/msg bo a secret");
    await bo.sees("a secret", ".message.private");
    await bo.sees("to you only", ".message.private");
    await ada.sees("to bo only", ".message.private");

    await bo.asksWho("ada");
    await bo.presses("Write to ada only");
    await bo.page.waitForSelector(".composer.private");
    await bo.says("an answer");
    await ada.sees("an answer", ".message.private:last-of-type");
    await bo.presses("To ada only");
    await bo.says("to everyone again");
    await cy.hears("to everyone again");
    assertEquals(cy.texts, ["to everyone again"]);
  },
});

Deno.test({
  name:
    "a message of a page is marked until everyone has shown it, with the names of those who have not",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { room, browser, ada } = meeting;
    await ada.says("to nobody");
    await ada.sees("no one received this", ".own");
    await using bo = await room.join("bo");
    await ada.sees("bo joined");
    await ada.says("to bo");
    await bo.hears("to bo");
    await ada.page.waitForSelector(".own .mark.delivered");

    // A page that is stopped shows nothing.
    await using cy = await Visitor.join(browser, room.url, "cy");
    await ada.sees("cy joined");
    const session = await cy.page.createCDPSession();
    await session.send("Emulation.setScriptExecutionDisabled", { value: true });
    await ada.says("to cy as well");
    await ada.sees("shown by 1 of 2", ".scrolled");
    await ada.sees("not shown yet by cy");
    await session.send("Emulation.setScriptExecutionDisabled", { value: false });
  },
});

Deno.test({
  name: "a page answers /help, /who, /names and an unknown command like a terminal",
  ignore,
  async fn() {
    await using meeting = await Meeting.open(Chromium);
    const { ada } = meeting;
    const bo = await meeting.guest("bo");
    await ada.says("/help");
    await ada.sees("/msg NAME TEXT");
    const help = await ada.text(".scrolled");
    for (const word of ["/kick", "/ban", "/reload"]) assertEquals(help.includes(word), false, word);
    await ada.says("/who");
    await ada.sees(`bo ${bo.session.self.fingerprint} (new`);
    await ada.says("/names");
    await ada.sees("ada (you), bo");
    await ada.says("/verfy bo");
    await ada.sees("unknown command /verfy: did you mean /verify?");
    await ada.says("/fingerprint bo");
    await ada.sees("the safety number of you and bo is");
    await ada.says("/verify bo yes");
    await ada.sees(`bo is verified: ${bo.session.self.fingerprint}`);
    await ada.says("//slash");
    await bo.hears("/slash");
    await ada.says("/clear");
    await ada.misses(".scrolled article");
    await ada.says("/quit");
    await ada.sees("you left the room", ".ended");
  },
});
