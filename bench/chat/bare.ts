/**
 * The limit: the hops, bytes and WebCrypto calls of a chat in plain Deno, and nothing else.
 *
 * `bare.ts relay` says its port and sends what one connection brings to all others. `bare.ts client PORT` seals, signs and
 * sends each line of its standard input, and verifies, opens and prints what comes.
 *
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

const HEADER_BYTES = 5 + 25;
const SIGNATURE_BYTES = 64;
/** The bytes that a signature covers besides the ciphertext. */
const BOUND = new Uint8Array(162);

/** A connection that joins what waits while a write is under way. */
class Peer {
  readonly #conn: Deno.TcpConn;
  #waiting: Bytes[] = [];
  #isWriting = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  send(bytes: Bytes): void {
    if (this.#isWriting) this.#waiting.push(bytes);
    else this.#write(bytes);
  }

  #write(bytes: Bytes): void {
    this.#isWriting = true;
    this.#conn.write(bytes).then((length) => {
      if (length < bytes.length) return this.#write(bytes.subarray(length));
      this.#isWriting = false;
      if (this.#waiting.length === 0) return;
      const all = concat(this.#waiting);
      this.#waiting = [];
      this.#write(all);
    }, () => {}); // a connection that is over is removed where it is read
  }
}

function concat(pieces: readonly Bytes[]): Bytes {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function relay(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  const peers = new Set<Peer>();
  for await (const conn of listener) serve(conn, peers);
}

async function serve(conn: Deno.TcpConn, peers: Set<Peer>): Promise<void> {
  conn.setNoDelay(true);
  const own = new Peer(conn);
  peers.add(own);
  const buffer = new Uint8Array(64 << 10);
  try {
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) break;
      const bytes = buffer.slice(0, length);
      for (const peer of peers) if (peer !== own) peer.send(bytes);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  peers.delete(own);
  conn.close();
}

/** Keys that every client makes anew: the bytes are those of a chat, and nothing checks who sent them. */
async function keys() {
  const raw = new Uint8Array(32);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const pkcs8 = Uint8Array.fromHex("302e020100300506032b657004220420" + "07".repeat(32));
  const signing = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", signing);
  const jwk = { kty: "OKP", crv: "Ed25519", x: x! };
  const verifying = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["verify"]);
  return { key, signing, verifying };
}

async function client(port: number): Promise<void> {
  const { key, signing, verifying } = await keys();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const vector = () => new Uint8Array(12);
  const algorithm = () => ({ name: "AES-GCM", iv: vector(), additionalData: BOUND });
  const open = async (frame: Bytes) => {
    const end = frame.length - SIGNATURE_BYTES;
    const ciphertext = frame.slice(HEADER_BYTES, end);
    const [isSigned, plaintext] = await Promise.all([
      crypto.subtle.verify("Ed25519", verifying, frame.slice(end), concat([BOUND, ciphertext])),
      crypto.subtle.decrypt(algorithm(), key, ciphertext),
    ]);
    if (!isSigned) throw new Error("a frame is not signed");
    const bytes = new Uint8Array(plaintext);
    await Deno.stdout.write(bytes.subarray(0, bytes.indexOf(10) + 1));
  };
  const receive = async () => {
    const buffer = new Uint8Array(64 << 10);
    let held: Bytes = new Uint8Array(0);
    for (let length = await conn.read(buffer); length !== null; length = await conn.read(buffer)) {
      held = concat([held, buffer.slice(0, length)]);
      for (;;) {
        const size = held.length < 4 ? Infinity : 4 + new DataView(held.buffer).getUint32(0);
        if (held.length < size) break;
        await open(held.slice(0, size));
        held = held.slice(size);
      }
    }
  };
  receive();
  const input = new Uint8Array(64 << 10);
  for (let n = await Deno.stdin.read(input); n !== null; n = await Deno.stdin.read(input)) {
    const padded = new Uint8Array(Math.max(32, Math.ceil((n + 10) / 32) * 32));
    padded.set(input.subarray(0, n));
    const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm(), key, padded));
    const signed = concat([BOUND, ciphertext]);
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", signing, signed));
    const header = new Uint8Array(HEADER_BYTES);
    const length = header.length + ciphertext.length + SIGNATURE_BYTES;
    new DataView(header.buffer).setUint32(0, length - 4);
    await conn.write(concat([header, ciphertext, signature]));
  }
  conn.close();
}

const [mode, port] = Deno.args;
if (mode === "relay") await relay();
else await client(Number(port));
