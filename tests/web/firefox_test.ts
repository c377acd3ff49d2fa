// needs: net run=firefox-esr read=tests/scratch write=tests/scratch (about 25 s)

/**
 * The page in another browser than Chromium: people at Firefox join, talk, verify each other and come back.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { Firefox, HAS_FIREFOX } from "./firefox.ts";
import { Meeting } from "./room.ts";

Deno.test({
  name: "two pages in Firefox and a member without a browser exchange messages in a room",
  ignore: !HAS_FIREFOX,
  async fn() {
    await using meeting = await Meeting.open(Firefox);
    const { ada } = meeting;
    const bo = await meeting.page("bo");
    const cy = await meeting.guest("cy");
    for (const one of [ada, bo]) await one.sees("cy joined");
    await ada.says("from Firefox");
    await bo.sees("from Firefox");
    await cy.hears("from Firefox");
    await ada.sees("shown to everyone", ".own .mark");
    cy.session.send("to Firefox");
    for (const one of [ada, bo]) await one.sees("to Firefox");
    await bo.says("/msg ada a secret");
    await ada.sees("a secret", ".message.private");
    assertEquals(cy.texts, ["from Firefox"]);
    await ada.says("/fingerprint bo");
    await ada.sees("the safety number of you and bo is");
    await ada.says("/verify bo yes");
    await ada.sees("bo is verified");
    await bo.says("/quit");
    await bo.sees("you left the room", ".ended");
    await ada.sees("bo left");
  },
});

Deno.test({
  name: "a page in Firefox that loses its connection or is reloaded rejoins with the same key",
  ignore: !HAS_FIREFOX,
  async fn() {
    await using meeting = await Meeting.open(Firefox);
    const { room, ada } = meeting;
    const bo = await meeting.guest("bo");
    room.cut();
    await ada.sees("reconnected");
    const keys = () =>
      new Set(
        bo.events.flatMap((one) =>
          one.kind === "joined" && one.peer.credential.name === "ada"
            ? [one.peer.credential.fingerprint]
            : []
        ),
      );
    await ada.page.reload();
    await ada.isIn();
    await ada.says("with the same key");
    await bo.hears("with the same key");
    assertEquals(keys().size, 1);
  },
});
