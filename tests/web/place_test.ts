// needs: net (about 1 s)

/**
 * What the page reads where a person enters the address of a server, without a browser.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MalformedError } from "../../lib/base/bytes.ts";
import { Failure } from "../../lib/base/failure.ts";
import { readNamedPlace } from "../../web/place.ts";

const FRAGMENT = "A".repeat(43);

Deno.test("a link is accepted as the server's address in any letter case and without its scheme", () => {
  const links = ["https", "HTTPS", "Https"].map((scheme) =>
    `${scheme}://a.example/x/tea#${FRAGMENT}`
  );
  for (const text of [...links, `a.example/x/tea#${FRAGMENT}`]) {
    const { place, invited } = readNamedPlace(text);
    assertEquals(place.url.href, "wss://a.example/x/chat", text);
    assertEquals(place.dialled, { host: "a.example", port: 443 }, text);
    assertEquals(invited?.roomName, "tea", text);
    assert(invited?.link.endsWith(`#${FRAGMENT}`), text);
  }
});

Deno.test("the fragment of an address is read as an invitation or refused", () => {
  for (
    const text of [`wss://a.example/chat#${FRAGMENT}`, "a.example#", "https://a.example/tea#x"]
  ) {
    assertThrows(() => readNamedPlace(text), MalformedError, "this is no link", text);
  }
  assertThrows(() => readNamedPlace(`parley://a.example/tea#${FRAGMENT}`), Failure);
  assertEquals(readNamedPlace("a.example:4396").place.url.href, "wss://a.example:4396/chat");
});
