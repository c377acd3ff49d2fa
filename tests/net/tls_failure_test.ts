// needs: net

import { Failure } from "../../lib/base/failure.ts";
import { dialTcp } from "../../lib/chat/runtime/tcp.ts";
import { TLS_ERRORS, tlsFailure } from "../../lib/net/tls.ts";
import { connect } from "../../lib/tcp.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStrictEquals } from "@std/assert";

/** What rustls and the runtime say, word for word, and what a person is told. */
const TLS_TEXTS: readonly (readonly [string, string, string])[] = [
  [
    "received corrupt message of type InvalidContentType",
    "TLS_NOT_SPOKEN",
    "the other side does not speak TLS",
  ],
  [
    "invalid peer certificate: UnknownIssuer",
    "TLS_UNKNOWN_ISSUER",
    "the issuer of the server's certificate is not trusted here",
  ],
  [
    "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
    "TLS_CA_CERTIFICATE",
    "the server's certificate is that of a certificate authority, which a server cannot use",
  ],
  [
    "invalid peer certificate: certificate expired: verification time 1795531301 (UNIX), but " +
    "certificate is not valid after 1580515200 (215016101 seconds ago)",
    "TLS_EXPIRED",
    "the server's certificate has expired, on 2020-02-01",
  ],
  [
    "invalid peer certificate: certificate not valid yet: verification time 1795531301 (UNIX), but " +
    "certificate is not valid before 1893456000 (97924699 seconds in future)",
    "TLS_NOT_VALID_YET",
    "the server's certificate is not valid yet, on 2030-01-01",
  ],
  [
    'invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only ' +
    'valid for DnsName("other.example")',
    "TLS_WRONG_NAME",
    "the server's certificate is for another name: other.example",
  ],
  [
    'invalid peer certificate: certificate not valid for name "c"; certificate is only valid for ' +
    'DnsName("a.example"), DnsName("b.example") or IpAddress(192.0.2.1)',
    "TLS_WRONG_NAME",
    "the server's certificate is for another name: a.example, b.example, 192.0.2.1",
  ],
  [
    "keys may not be consistent: KeyMismatch",
    "TLS_KEY_MISMATCH",
    "the key does not belong to the certificate",
  ],
  [
    "No certificates found in certificate data",
    "TLS_NO_CERTIFICATE",
    "the certificate file has no certificate",
  ],
  [
    "No keys found in key data",
    "TLS_NO_KEY",
    "the key file has no readable private key",
  ],
  [
    "Unable to decode certificate",
    "TLS_DAMAGED",
    "the certificate file is cut short or damaged",
  ],
  ["Unable to decode key", "TLS_DAMAGED", "the key file is cut short or damaged"],
  [
    'Unable to add pem file to certificate store: section end "-----END CERTIFICATE-----" missing',
    "TLS_DAMAGED",
    "the file of the issuer's certificates is cut short or damaged",
  ],
  ["invalid peer certificate: BadEncoding", "TLS_DAMAGED", "the certificate is damaged"],
  [
    "invalid peer certificate: Revoked",
    "TLS_CERTIFICATE",
    "the server's certificate is not acceptable: Revoked",
  ],
  [
    "peer is incompatible: Tls12NotOfferedOrEnabled",
    "TLS_INCOMPATIBLE",
    "the two sides have no TLS version or cipher in common: Tls12NotOfferedOrEnabled",
  ],
  [
    "received fatal alert: UnknownCA",
    "TLS_REFUSED",
    "the other side sent an alert: UnknownCA",
  ],
  [
    "unexpected end of file",
    "TLS_CLOSED",
    "the connection was closed in the middle of the TLS handshake",
  ],
];

Deno.test("tlsFailure() has a code and plain words for each of rustls's texts", () => {
  for (const [text, code, why] of TLS_TEXTS) {
    const failure = tlsFailure(new Deno.errors.InvalidData(text), "cannot connect");
    assertEquals(failure.message, `cannot connect: ${why} (${code})`);
    assertEquals(typeof failure.hint, "string");
  }
  for (const { text } of TLS_ERRORS) {
    const own = TLS_TEXTS.filter(([message]) => message.includes(text));
    assertEquals(own.length > 0, true, `a text for "${text}"`);
  }
});

Deno.test("tlsFailure() leaves what is not TLS's to the other tables", () => {
  const refused = tlsFailure(new Deno.errors.ConnectionRefused(), "cannot connect");
  assertEquals(refused.code, "ECONNREFUSED");
  const failure = new Failure({ what: "x", why: "UnknownIssuer", code: "OTHER" });
  assertStrictEquals(tlsFailure(failure, "y"), failure);
});

Deno.test("an abort in the middle of a TLS handshake ends the attempt with its own reason", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const destination = { hostname: "127.0.0.1", port: listener.addr.port };
  const ways: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => connect({ to: destination, tls: {}, signal }),
    (signal) => dialTcp({ ...destination, tls: {} }, signal),
  ];
  for (const way of ways) {
    const stop = new AbortController();
    const dialing = way(stop.signal).catch((error: unknown) => error);
    // deno-lint-ignore no-await-in-loop -- one after the other
    using accepted = await listener.accept();
    await accepted.read(new Uint8Array(4096)); // the client's first message, which gets no reply
    stop.abort("enough");
    assertEquals(await dialing, "enough");
  }
});
