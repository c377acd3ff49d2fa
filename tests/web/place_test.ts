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
import { readNamedPlace, readRoomOrLink, roomAddress } from "../../web/place.ts";

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
  assertEquals(readNamedPlace("a.example:4396").place.url.href, "wss://a.example:4396/chat");
});

Deno.test("a link of parley in place of the server's address leads to the WebSocket at its port", () => {
  for (const scheme of ["parley", "PARLEY"]) {
    const link = `${scheme}://a.example/tea#${FRAGMENT}`;
    const { place, invited } = readNamedPlace(link);
    assertEquals(place.url.href, "ws://a.example:4396/chat");
    assertEquals(place.dialled, { host: "a.example", port: 4396 });
    assertEquals(invited, { roomName: "tea", link });
  }
});

Deno.test("a link in place of the room leads into a room of the page's own relay alone", () => {
  const base = "https://a.example/x/";
  assertEquals(readRoomOrLink("tea", base).invited, undefined);
  assertEquals(readRoomOrLink("#tea", base).place.url.href, "wss://a.example/x/chat");
  for (const start of ["https://a.example/x", "HTTPS://A.EXAMPLE", "parley://a.example:443"]) {
    const link = `${start}/tea#${FRAGMENT}`;
    const { place, invited } = readRoomOrLink(link, base);
    assertEquals(place.url.href, "wss://a.example/x/chat");
    assertEquals(invited, { roomName: "tea", link });
  }
  for (
    const [start, hint] of [
      ["parley://a.example", "ask for the https link of the same invitation"],
      ["https://b.example", "open the link in the browser itself"],
    ] as const
  ) {
    const failure = assertThrows(() => readRoomOrLink(`${start}/tea#${FRAGMENT}`, base), Failure);
    assertEquals(failure.hint, hint);
  }
  assertThrows(() => readRoomOrLink("https://a.example/tea", base), MalformedError);
});

Deno.test("a link to a room whose name ends in .html is no address of a file", () => {
  const addressOf = (address: string) => roomAddress(new URL(address));
  assertEquals(addressOf(`https://a.example/x/n.html?y#${FRAGMENT}`), `/x/n%2Ehtml?y#${FRAGMENT}`);
  assertEquals(
    addressOf(`https://a.example/n.html#${FRAGMENT.slice(20)}`),
    `/n%2Ehtml#${FRAGMENT.slice(20)}`,
  );
  for (
    const other of [
      "https://a.example/parley.html",
      "https://a.example/parley.html#top",
      `https://a.example/tea#${FRAGMENT}`,
      `https://a.example/n%2Ehtml#${FRAGMENT}`,
      `file:///home/ada/parley.html#${FRAGMENT}`,
    ]
  ) assertEquals(addressOf(other), undefined, other);
});
