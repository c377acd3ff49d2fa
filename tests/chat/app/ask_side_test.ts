// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import { type Answer, type Answers, askBoth } from "../../../lib/commands/chat/ask.ts";
import { type HostAndPort, readAddress } from "../../../lib/cli/words.ts";

/** Somebody who gives answers one after the other, and then leaves; keeps what was said. */
function person(lines: readonly string[]): Answers & { readonly said: string[] } {
  const left = [...lines];
  const said: string[] = [];
  return {
    said,
    rest: undefined,
    next: (question) => {
      said.push(question.trim());
      const text = left.shift();
      return Promise.resolve(
        text === undefined
          ? { done: true, value: undefined }
          : { done: false, value: { kind: "line", text } },
      );
    },
    show: () => {},
    refuse: ({ why, hint }) => said.push(hint === undefined ? why : `${why}: ${hint}`),
  };
}

const askPerson = (who: Answers): Promise<Answer<HostAndPort>> =>
  askBoth(who, (text) => readAddress(text, 4396));

Deno.test("parley chat repeats a question after an empty or invalid answer, with advice", async () => {
  const who = person(["", "x", "C", "http://a.example/", "host:99999", "::1"]);
  assertEquals(await askPerson(who), {
    side: "client",
    address: { hostname: "::1", port: 4396 },
    input: undefined,
  });
  const how =
    "the answer must be server or client: type s to open a room here, c to join one, or Ctrl-D to leave";
  assertEquals(who.said.slice(0, 5), [
    "server or client?",
    how,
    "server or client?",
    how,
    "server or client?",
  ]);
  assertEquals(who.said[6], "it is a URL, not HOST or HOST:PORT: did you mean a.example?");
});

Deno.test("parley chat connects to this machine for an empty address, and exits at the end of input", async () => {
  const address = { hostname: "127.0.0.1", port: 4396 };
  assertEquals(await askPerson(person(["client", ""])), {
    side: "client",
    address,
    input: undefined,
  });
  assertEquals(await askPerson(person([])), { side: "nobody", code: 0 });
  assertEquals(await askPerson(person(["", ""])), { side: "nobody", code: 0 });
  assertEquals(await askPerson(person([" Server "])), { side: "server", input: undefined });
});

Deno.test("parley chat fails at the first invalid answer from a pipe", async () => {
  const pipe = person([""]);
  pipe.refuse = (failure) => {
    throw failure;
  };
  await assertRejects(() => askPerson(pipe), Failure, "server or client");
});
