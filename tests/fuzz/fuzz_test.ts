// needs: net (about 20 s)

/**
 * A small share of `deno task fuzz`, the same inputs every time.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertRejects } from "@std/assert";
import { utf8 } from "../../lib/base/bytes.ts";
import { KeyFileError } from "../../lib/rsa/der.ts";
import { readKey } from "../../lib/rsa/key_formats.ts";
import { TARGETS } from "./targets.ts";

const RUNS = 500;
const SEED = 4396;

for (const target of TARGETS) {
  Deno.test(`${RUNS} inputs of "${target.name}" break nothing`, async () => {
    await target.run({ runs: RUNS, seed: SEED });
  });
}

Deno.test("a number of a JWK that has a length no base64url has is damage, as fuzzing found", async () => {
  const jwk = utf8(JSON.stringify({ kty: "RSA", n: "AAAAA", e: "AQAB" }));
  await assertRejects(() => readKey(jwk), KeyFileError, 'the JWK\'s "n"');
});
