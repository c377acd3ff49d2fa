// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import { withAdvice } from "../../lib/cli/help.ts";

/** The hint that the command line gives for a failure. */
function adviceFor(code: string, hint?: string): string | undefined {
  return withAdvice(new Failure({ what: "a", why: "b", code, hint })).hint;
}

Deno.test("withAdvice() names the option or the command that helps", () => {
  assertEquals(
    adviceFor("TLS_NOT_SPOKEN", "check the port"),
    "check the port; if the server does not use TLS, leave out --tls, or write http:// or ws://",
  );
  assertEquals(
    adviceFor("KEY_EMPTY", "copy it again, or make a key in a new file"),
    "copy it again, or make a key in a new file: parley rsa keygen -o NEW_KEY",
  );
  assertEquals(
    adviceFor("MESSAGE_TOO_LONG", "one block holds at most k - 2·32 - 2 bytes"),
    "one block holds at most k - 2·32 - 2 bytes; without --raw any size is possible",
  );
  for (const code of ["NOT_HTTP", "WEBSOCKET_REFUSED"]) {
    assertEquals(
      adviceFor(code, "check the address, and whether the relay serves WebSocket"),
      "check the address, and whether the relay serves WebSocket (--web); HOST:PORT joins without one",
    );
  }
  assertEquals(adviceFor("UNKNOWN_ERROR"), "parley info errors lists them");
  assertEquals(
    adviceFor("EEXIST", "choose another name"),
    "choose another name, or replace it with --force",
  );
});

Deno.test("withAdvice() names the operand and the options that choose a name server", () => {
  assertEquals(
    adviceFor("SERVFAIL", "try again, or ask another name server"),
    "try again, or ask another name server with @SERVER",
  );
  assertEquals(
    adviceFor(
      "TIMEOUT",
      "a closed UDP port does not answer either; allow more time, or ask another name server",
    ),
    "a closed UDP port does not answer either; allow more time with --timeout, or ask another name server with @SERVER",
  );
  assertEquals(
    adviceFor("NO_ANSWER", "choose a name server, or permit parley to read the system's"),
    "add @SERVER, or run with --allow-sys",
  );
  assertEquals(adviceFor("NO_ANSWER", "try again"), "try again");
});

Deno.test("withAdvice() names what reads other notations of an address, and names", () => {
  assertEquals(
    adviceFor("USAGE", "inet_aton(3) accepts it"),
    "inet_aton(3) accepts it; leave out --strict to accept it too",
  );
  assertEquals(
    adviceFor("USAGE", "resolve the name a.example to its addresses"),
    "resolve the name a.example to its addresses: parley info resolve a.example",
  );
});

Deno.test("withAdvice() keeps a hint that names what is nearest", () => {
  assertEquals(adviceFor("UNKNOWN_ERROR", "did you mean EPIPE?"), "did you mean EPIPE?");
  assertEquals(adviceFor("MESSAGE_TOO_LONG", "split it"), "split it");
});

Deno.test("withAdvice() adds no hint to a failure without one, if there is nothing to advise", () => {
  assertEquals(adviceFor("USAGE"), undefined);
  assertEquals(adviceFor("SERVFAIL"), undefined);
});

Deno.test("withAdvice() returns a failure without advice unchanged", () => {
  const failure = new Failure({ what: "a", why: "b", code: "constructor", hint: "c" });
  assertStrictEquals(withAdvice(failure), failure);
});

Deno.test("withAdvice() keeps all but the hint, the stack included", () => {
  const cause = new Error("beneath");
  const failure = new Failure({ what: "a", why: "b", code: "TLS_NOT_SPOKEN", exitCode: 3, cause });
  const advised = withAdvice(failure);
  assertEquals(
    [advised.message, advised.code, advised.exitCode, advised.cause, advised.stack],
    [failure.message, failure.code, 3, cause, failure.stack],
  );
});
