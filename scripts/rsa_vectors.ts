/**
 * Prints new test vectors of RSA, made by `openssl` and `ssh-keygen`:
 * `deno run --allow-run=openssl,ssh-keygen --allow-read --allow-write scripts/rsa_vectors.ts > tests/vectors/rsa.json`.
 *
 * Keys are made anew each time. They are for tests and protect nothing.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { encodeBase64 } from "@std/encoding/base64";
// @ts-types="../types/std.d.ts"
import { encodeBase64Url } from "@std/encoding/base64url";

const directory = await Deno.makeTempDir();
const TEXT = "The magic words are squeamish ossifrage.\n";

async function run(command: string, ...args: readonly string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: directory,
  }).output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return stdout;
}

/** What openssl prints, or writes to a file. */
async function openssl(args: string): Promise<Uint8Array> {
  return await run("openssl", ...args.split(" "));
}

async function text(args: string): Promise<string> {
  return new TextDecoder().decode(await openssl(args));
}

async function base64(args: string): Promise<string> {
  return encodeBase64(await openssl(args));
}

/** A JWE by the steps of RFC 7516 section 5.1, without a library. */
async function jwe(pkcs8: CryptoKey, content: string): Promise<string> {
  const encoder = new TextEncoder();
  const { n, e } = await crypto.subtle.exportKey("jwk", pkcs8);
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  const publicKey = await crypto.subtle.importKey(
    "jwk",
    { kty: "RSA", n: n!, e: e! },
    algorithm,
    true,
    [
      "encrypt",
    ],
  );
  const header = encodeBase64Url(encoder.encode('{"enc":"A256GCM","alg":"RSA-OAEP-256"}'));
  const contentKey = crypto.getRandomValues(new Uint8Array(32));
  const wrapped = await crypto.subtle.encrypt({ name: "RSA-OAEP" }, publicKey, contentKey);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const aes = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(
    await crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: encoder.encode(header) },
      aes,
      encoder.encode(content),
    ),
  );
  const parts = [new Uint8Array(wrapped), iv, sealed.subarray(0, -16), sealed.subarray(-16)];
  return [header, ...parts.map((part) => encodeBase64Url(part))].join(".");
}

async function openSsh(): Promise<{ privateKey: string; publicKey: string }> {
  await Deno.copyFile(`${directory}/key`, `${directory}/ssh`);
  await Deno.chmod(`${directory}/ssh`, 0o600);
  await run("ssh-keygen", "-q", "-p", "-N", "", "-f", "ssh");
  return {
    privateKey: await Deno.readTextFile(`${directory}/ssh`),
    publicKey: new TextDecoder().decode(await run("ssh-keygen", "-y", "-f", "ssh")),
  };
}

const PSS = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";
const OAEP =
  "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";

await Deno.writeTextFile(`${directory}/text`, TEXT);
await openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key");
await openssl("pkey -in key -pubout -out pub");
const der = await openssl("rsa -in key -pubout -outform DER");
await Deno.writeFile(`${directory}/spki`, der);
const pkcs8Der = await openssl("pkcs8 -topk8 -nocrypt -in key -outform DER");
const key = await crypto.subtle.importKey(
  "pkcs8",
  new Uint8Array(pkcs8Der),
  { name: "RSA-OAEP", hash: "SHA-256" },
  true,
  ["decrypt"],
);

console.log(JSON.stringify(
  {
    about:
      "Made by scripts/rsa_vectors.ts with openssl and ssh-keygen. The keys are for tests only.",
    text: TEXT,
    key: {
      pkcs8: await text("pkcs8 -topk8 -nocrypt -in key"),
      spki: await text("pkey -in key -pubout"),
      pkcs1: await text("rsa -in key -traditional"),
      pkcs1Public: await text("rsa -in key -RSAPublicKey_out"),
      jwk: await crypto.subtle.exportKey("jwk", key),
      spkiSha256: await base64("dgst -sha256 -binary spki"),
    },
    raw: await base64(`pkeyutl -encrypt -pubin -inkey pub -in text ${OAEP}`),
    jwe: await jwe(key, TEXT),
    signature: await base64(`dgst -sha256 ${PSS} -sign key text`),
    sha512Signature: await base64(
      "dgst -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64 -sign key text",
    ),
    refused: {
      encryptedPkcs8: await text("pkcs8 -topk8 -in key -passout pass:test"),
      encryptedPkcs1: await text("rsa -in key -traditional -aes256 -passout pass:test"),
      small: await text("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024"),
      ec: await text("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
      ecTraditional: await text("ecparam -name prime256v1 -genkey"),
      ed25519: await text("genpkey -algorithm ED25519"),
      pssOnly: await text("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"),
      certificate: await text("req -x509 -key key -subj /CN=test -days 1"),
      request: await text("req -new -key key -subj /CN=test"),
      openSsh: await openSsh(),
    },
  },
  undefined,
  2,
));
await Deno.remove(directory, { recursive: true });
