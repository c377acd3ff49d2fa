// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { colourOf, COLOURS, mentionOf, Speech } from "../../../lib/chat/app/speech.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";

/** A time in this machine's time zone, on a day of November 2026. */
function at(day: number, hour: number, minute: number): number {
  return new Date(2026, 10, day, hour, minute).getTime();
}

/** Messages at a terminal whose clock a test sets. */
function speechAt(time: number, timed = true) {
  const clock = { time };
  const style = makeStyle(false);
  const speech = new Speech({ style, folds: true, timed, now: () => clock.time });
  const heard = (sent: number, late = false) =>
    speech.heard(
      { sender: "bo", time: sent, late },
      (remarks) => remarks.length === 0 ? "bo" : `bo (${remarks.join("; ")})`,
      "hi",
    );
  return { clock, speech, heard };
}

Deno.test("a message shows its sender's time, and the date once when it changes", () => {
  const { clock, speech, heard } = speechAt(at(27, 23, 58));
  assertEquals(heard(at(27, 23, 57)), ["23:57 bo: hi"]);
  clock.time = at(28, 0, 1);
  assertEquals(heard(at(28, 0, 1)), ["* 2026-11-28", "00:01 bo: hi"]);
  assertEquals(speech.own("you", "one\ntwo"), ["00:01 you: one", "  | two"]);
  clock.time = at(29, 8, 0);
  assertEquals(speech.own("you", "good morning"), ["* 2026-11-29", "08:00 you: good morning"]);
});

Deno.test("a message that was held back or came late shows when it was sent", () => {
  const { clock, heard } = speechAt(at(28, 21, 3));
  assertEquals(heard(at(28, 21, 3)), ["21:03 bo: hi"]);
  clock.time = at(28, 21, 41);
  assertEquals(heard(at(28, 21, 3)), ["21:41 bo (sent 21:03): hi"]);
  assertEquals(heard(at(28, 21, 41), true), ["21:41 bo (late; sent 21:41): hi"]);
  clock.time = at(29, 7, 0);
  assertEquals(heard(at(28, 21, 50)), [
    "* 2026-11-29",
    "07:00 bo (sent 2026-11-28 21:50): hi",
  ]);
});

Deno.test("messages of a sender with a wrong clock are not marked as held back", () => {
  const { clock, heard } = speechAt(at(28, 12, 0));
  assertEquals(heard(at(28, 12, 30)), ["12:30 bo: hi"], "its clock is fast");
  clock.time = at(28, 12, 5);
  assertEquals(heard(at(28, 12, 35)), ["12:35 bo: hi"]);
  const slow = speechAt(at(28, 12, 4));
  assertEquals(slow.heard(at(28, 12, 0)), ["12:00 bo: hi"], "its clock is slow");
  slow.clock.time = at(28, 12, 6);
  assertEquals(slow.heard(at(28, 12, 2)), ["12:02 bo: hi"]);
  slow.clock.time = at(28, 12, 8);
  assertEquals(slow.heard(at(28, 12, 3)), ["12:08 bo (sent 12:03): hi"]);
});

Deno.test("a message in a pipe shows its time only if it was held back", () => {
  const { clock, heard } = speechAt(at(28, 12, 0), false);
  assertEquals(heard(at(28, 12, 0)), ["bo: hi"]);
  clock.time = at(29, 12, 0);
  assertEquals(heard(at(29, 12, 0)), ["bo: hi"]);
  assertEquals(heard(at(28, 12, 0)), ["bo (sent 2026-11-28 12:00): hi"]);
});

/** The relative luminance of a colour of xterm's cube of 6 by 6 by 6 colours (WCAG 2). */
function luminanceOf(index: number): number {
  const steps = [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6];
  const [red, green, blue] = steps.map((step) => {
    const part = [0, 95, 135, 175, 215, 255][step]! / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

Deno.test("the colours of names are readable on black and on white", () => {
  for (const colour of COLOURS) {
    const luminance = luminanceOf(colour) + 0.05;
    assert(luminance / 0.05 >= 4, `${colour} on black`);
    assert(1.05 / luminance >= 4, `${colour} on white`);
  }
});

Deno.test("an identity keeps one colour, and many identities use all colours", () => {
  const colours = new Set<number>();
  for (let i = 0; i < 500; i++) colours.add(colourOf(`SHA256:${i}`));
  assertEquals(colours.size, COLOURS.length);
  assertEquals(colourOf("SHA256:1"), colourOf("SHA256:1"));
});

Deno.test("the user's name is highlighted as a whole word in any letter case, except in own messages", () => {
  const style = makeStyle(true);
  const speech = new Speech({ style, folds: true, timed: false });
  speech.mention = mentionOf("Ada");
  const arrival = { sender: "bo", time: Date.now(), late: false };
  const [line] = speech.heard(arrival, () => "bo", "ada, Adam and (ADA)\x1b[2J");
  assertEquals(line, "bo: \x1b[7mada\x1b[27m, Adam and (\x1b[7mADA\x1b[27m)␛[2J");
  assertEquals(speech.own("you", "I am Ada"), ["you: I am Ada"]);
  const odd = mentionOf("a.b-c");
  assertEquals(["hi a.b-c!", "axb-c", "xa.b-c"].map((text) => odd.test(text)), [
    true,
    false,
    false,
  ]);
});

Deno.test("an action is shown with its sender, and cannot imitate a notice", () => {
  const { speech } = speechAt(at(28, 12, 0));
  const arrival = { sender: "bo", time: at(28, 12, 0), late: false };
  assertEquals(speech.heard(arrival, () => "bo", "/me left\n* ada left"), [
    "12:00 ~ bo left",
    "  | * ada left",
  ]);
  assertEquals(speech.heard(arrival, () => "bo", "/menu"), ["12:00 bo: /menu"]);
  assertEquals(speech.own("ada", "/me waves"), ["12:00 ~ ada waves"]);
});
