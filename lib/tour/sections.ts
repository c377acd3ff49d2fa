/**
 * The sections of the tour, in the order of the tutorial.
 *
 * @module
 */

import { isGranted } from "../os/io.ts";
import type { Job } from "./console.ts";
import {
  command,
  commands,
  requireCode,
  runLine,
  type Scene,
  type Section,
  untilAborted,
  wordsOf,
} from "./tour.ts";

const LOAD: Readonly<Record<string, () => Promise<Section>>> = {
  host: () => Promise.resolve(HOST),
  address: () => Promise.resolve(ADDRESS),
  byteorder: () => Promise.resolve(BYTE_ORDER),
  service: () => Promise.resolve(SERVICE),
  socket: () => Promise.resolve(SOCKET),
  errors: () => Promise.resolve(ERRORS),
  udp: () => Promise.resolve(UDP),
  forgery: () => Promise.resolve(FORGERY),
  tcp: () => Promise.resolve(TCP),
  rsa: () => Promise.resolve(RSA),
  chat: () => Promise.resolve(CHAT),
};

/**
 * Returns sections of the tour.
 *
 * @param name The section to return; all of them by default.
 */
export function loadSections(name?: string): Promise<Section[]> {
  const names = name === undefined ? Object.keys(LOAD) : [name];
  return Promise.all(names.map((one) => LOAD[one]!()));
}

const SECRET = "the secret of the day";

/** A conversation between two members. */
export const CHAT: Section = {
  name: "chat",
  title: "The encrypted chat",
  steps: [{
    says:
      `ada opens a room, and bo joins it. What bo writes is encrypted for ada before it leaves bo's
machine. --wire shows each frame and its ciphertext, which does not contain the words.`,
    play: converse,
  }],
};

async function converse({ start, prompt, signal }: Scene): Promise<void> {
  const open = "parley chat server --port 0 --name ada --commands";
  prompt(open);
  const ada = start(["chat", "server", "--port", "0", "--name", "ada", "--commands"], {
    label: "  ada │ ",
  });
  const [, port] = await ada.until(/listening on 127\.0\.0\.1:(\d+)/, signal);
  await ada.until(/no one else is here/, signal);
  const join = `parley chat client 127.0.0.1:${port} --name bo --wire`;
  prompt(join);
  const bo = start(["chat", "client", `127.0.0.1:${port}`, "--name", "bo", "--wire"], {
    label: "   bo │ ",
  });
  await bo.until(/you are bo, with ada/, signal);
  await bo.type(`${SECRET}\n`);
  await ada.until(new RegExp(`^bo: ${SECRET}$`, "m"), signal);
  await ada.type("I can read it, and no one between us can\n");
  await bo.until(/^ada: I can read it/m, signal);
  await bo.endInput();
  requireCode(join, await untilAborted(bo.ended, signal), 0);
  await ada.type("/quit\n");
  requireCode(open, await untilAborted(ada.ended, signal), 0);
  requireSecrecy(bo);
}

/** Throws unless the member's frames were shown and none contains the text. */
function requireSecrecy(member: Job): void {
  const rows = [...member.said.matchAll(/^[<>] +[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+)/gm)];
  const bytes = rows.flatMap(([, row]) => row!.trim().split(/ +/).map((hex) => parseInt(hex, 16)));
  if (bytes.length === 0) throw new Error("no ciphertext was shown");
  const text = new TextDecoder("latin1").decode(new Uint8Array(bytes));
  if (text.includes(SECRET)) throw new Error("the text was sent in the clear");
}

/** The echo server and its client. */
export const UDP: Section = {
  name: "udp",
  title: "UDP: an echo server and a client",
  steps: [{
    says:
      `UDP needs no connection. The server replies with the length of each datagram. The client gets a
port from the system when it sends, and the reply goes to that port. Ctrl-C ends the server.`,
    play: echo,
  }],
};

async function echo({ start, prompt, signal }: Scene): Promise<void> {
  const serve = "parley udp server --port 0";
  prompt(serve);
  const server = start(["udp", "server", "--port", "0"], { label: "  server │ " });
  const [, port] = await server.until(/Listening at 127\.0\.0\.1:(\d+)/, signal);
  const ask = `parley udp client --port ${port}`;
  prompt(ask);
  const client = start(["udp", "client", "--port", port!], { label: "  client │ " });
  await client.until(/The OS assigned me the address/, signal);
  await client.until(/replied 'Your data was 38 bytes long'/, signal);
  requireCode(ask, await untilAborted(client.ended, signal), 0);
  await server.until(/The client at 127\.0\.0\.1:\d+ says 'The time is /, signal);
  server.interrupt();
  requireCode(serve, await untilAborted(server.ended, signal), 130);
}

/** The echo server and its client over TCP, and the lessons. */
export const TCP: Section = {
  name: "tcp",
  title: "TCP: a stream of bytes",
  steps: [
    {
      says:
        `TCP connects two sockets and carries bytes in order, without loss. The server answers each read.
It reads at most 4 bytes at a time here, so that the client's two writes become three or four reads.`,
      play: echoStream,
    },
    command(
      `A stream has no message boundaries: writes are joined and divided on their way, and frames restore
the messages. Each direction is closed on its own; a reset ends both.`,
      "parley tcp demo",
      {
        // A narrow terminal breaks the lines of the demonstration anywhere between words.
        patterns: [
          /reads\s+'onetwo'/,
          /has\s+the\s+message\s+'two'/,
          /fails\s+to\s+read:\s+ECONNRESET/,
        ],
      },
    ),
  ],
};

async function echoStream({ start, prompt, signal }: Scene): Promise<void> {
  const serve = "parley tcp server --port 0 --chunk 4";
  prompt(serve);
  const server = start(wordsOf(serve), { label: "  server │ " });
  const [, port] = await server.until(/Listening at 127\.0\.0\.1:(\d+)/, signal);
  const ask = `parley tcp client --port ${port} -m hello -m world`;
  prompt(ask);
  const client = start(wordsOf(ask), { label: "  client │ " });
  await client.until(/replied 'Your data was 4 bytes long/, signal);
  requireCode(ask, await untilAborted(client.ended, signal), 0);
  await server.until(/has ended: 10 bytes in [34] reads/, signal);
  server.interrupt();
  requireCode(serve, await untilAborted(server.ended, signal), 130);
}

/** A client that accepts a reply from any sender. */
export const FORGERY: Section = {
  name: "forgery",
  title: "UDP: the forged reply",
  steps: [
    command(
      `Anyone can send a datagram to anyone. A client that accepts the first datagram believes an
attacker who is faster than the server. A client that compares the sender's address does not.`,
      "parley udp demo",
      { patterns: [/Fooled: /, /Not fooled: /] },
    ),
  ],
};

/** The host's name and addresses, and whether a host answers. */
export const HOST: Section = {
  name: "host",
  title: "This host, and others",
  steps: [
    {
      says:
        `A host has a name and addresses: one for each interface, and 127.0.0.1 for itself. Its own name
may resolve to a loopback address, which other machines cannot use.`,
      play: (scene) =>
        runLine(scene, "parley info host", {
          patterns: [literally(Deno.hostname()), /127\.0\.0\.1/],
        }),
    },
    command(
      `The hosts file and the domain name system translate names to addresses. The name localhost is
known without a query.`,
      "parley info resolve localhost",
      { patterns: [/^localhost\s+A\s+\S+ ms\s+127\.0\.0\.1$/m] },
    ),
    command(
      `Is a host up? An accepted TCP connection shows that it is, and so does a refused one, because the
host itself refuses it. Unlike ICMP, this needs no privileges.`,
      "parley info ping 127.0.0.1:9 -c 2 -i 100",
      { patterns: [/^ +2\s+(refused|open) /m, /^2 sent, 2 answered/m] },
    ),
  ],
};

/** The notations of an address. */
export const ADDRESS: Section = {
  name: "address",
  title: "Addresses in every notation",
  steps: [
    command(
      `An IPv4 address is four bytes. People write it as dotted text. On the network it is 7f000001, and
its first byte is 127.`,
      "parley info address 127.0.0.1",
      { patterns: [/^packed\s+7f000001$/m, /^ +1\s+127\s+7f\s+01111111$/m] },
    ),
    commands(
      `The other way round: inet_aton(3) accepts more than the dotted form: packed hex, hex parts and
omitted parts. All of these are the same address, so a filter that compares text misses some.`,
      [
        ["parley info address 7f000001", { patterns: [/^address\s+127\.0\.0\.1$/m] }],
        ["parley info address 0x7f.1", { patterns: [/^address\s+127\.0\.0\.1$/m] }],
      ],
    ),
    command(
      `256 does not fit into a byte. The error says which part is wrong. This command must fail.`,
      "parley info address 256.1.1.1",
      { patterns: [/^parley: .*256/m], code: 2 },
    ),
  ],
};

/** Host and network byte order. */
export const BYTE_ORDER: Section = {
  name: "byteorder",
  title: "Byte order",
  steps: [
    command(
      `1234 is the bytes 04 d2. Most machines store the low byte first. The network sends the high byte
first. htons and htonl convert to network order, ntohs and ntohl convert back.`,
      "parley info byteorder 1234",
      { patterns: [/^htons\(1234\)\s+(53764|1234)\s/m, /^htonl\(1234\)\s+(3523477504|1234)\s/m] },
    ),
    command(
      `The other way round: 53764 from the network is 1234 here.`,
      "parley info byteorder 53764 --bits 16",
      { patterns: [/^ntohs\(53764\)\s+(1234|53764)\s/m] },
    ),
  ],
};

/** Well-known ports. */
export const SERVICE: Section = {
  name: "service",
  title: "Services and their ports",
  steps: [
    commands(
      `A client must know the server's port before it can connect. The well-known ports are listed in
/etc/services and by IANA.`,
      [["80", "http"], ["53", "domain"], ["25", "smtp"], ["21", "ftp"], ["3306", "mysql"]].map(
        ([port, name]) =>
          [
            `parley info service ${port} --protocol tcp`,
            { patterns: [new RegExp(`^${name}\\s+${port}/tcp`, "m")] },
          ] as const,
      ),
    ),
    commands("The other way round: the port of a service.", [
      ["parley info service ssh", { patterns: [/^ssh\s+22\/tcp/m] }],
      ["parley info service http --protocol tcp", { patterns: [/^http\s+80\/tcp/m] }],
    ]),
  ],
};

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}

/** Keys, an encrypted letter and a signature. */
export const RSA: Section = {
  name: "rsa",
  title: "RSA",
  setting: openDirectory,
  steps: [
    commands(
      `A key pair is two files: a private key that only you can read, and a public key to give away.
People compare its fingerprint. The files are in a directory that is removed afterwards.`,
      [
        ["parley rsa keygen --bits 2048 -o ada.pem", { patterns: [/SHA256:[A-Za-z0-9+/]{43}/] }],
        ["parley rsa inspect ada.pem", { patterns: [/^modulus +2048 bits$/m] }],
      ],
    ),
    commands(
      `Anyone can encrypt to the public key. Only the private key decrypts. The text may have any length:
RSA encrypts an AES key, and AES encrypts the text.`,
      [
        ["parley rsa encrypt --to ada.pem.pub -o letter.jwe", {
          patterns: [],
          input: "meet me at noon\n",
        }],
        ["parley rsa decrypt --key ada.pem letter.jwe", { patterns: [/^meet me at noon$/m] }],
      ],
    ),
    commands(
      `The private key signs, and anyone can verify the signature with the public key. A changed text
does not verify: the last command must fail.`,
      [
        ["parley rsa sign --key ada.pem -o letter.sig", {
          patterns: [],
          input: "meet me at noon\n",
        }],
        ["parley rsa verify --key ada.pem.pub --signature letter.sig", {
          patterns: [/SHA256:/],
          input: "meet me at noon\n",
        }],
        ["parley rsa verify --key ada.pem.pub --signature letter.sig", {
          patterns: [/^parley: /m],
          input: "meet me at one\n",
          code: 1,
        }],
      ],
    ),
    command(
      `Both files of a pair have the same fingerprint.`,
      "parley rsa fingerprint ada.pem.pub",
      { patterns: [/^SHA256:[A-Za-z0-9+/]{43}/m] },
    ),
  ],
};

/** Changes to a new directory. Disposing the result changes back and removes it. */
async function openDirectory(): Promise<AsyncDisposable> {
  const before = Deno.cwd();
  const directory = await Deno.makeTempDir({ prefix: "parley-tour-" });
  Deno.chdir(directory);
  return {
    [Symbol.asyncDispose]: async () => {
      Deno.chdir(before);
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Socket options and timeouts. */
export const SOCKET: Section = {
  name: "socket",
  title: "Socket options and timeouts",
  steps: [{
    says:
      `A socket waits without limit unless it has a timeout, and its buffers have sizes that a program
can set. This command reads the settings through the C library, before and after a change. It must
fail if the tour was started without --ffi.`,
    play: (scene) => {
      const line = "parley info socket --timeout 100 --rcvbuf 65536 --nonblocking";
      const patterns = [
        /^SO_RCVTIMEO\s+0 s\s+100 s\s+100 s$/m,
        /^SO_RCVBUF\s+\d+ B\s+65536 B/m,
        /^O_NONBLOCK\s+off\s+on/m,
      ];
      const expected = isGranted({ name: "ffi" })
        ? { patterns }
        : { patterns: [/NOT_PERMITTED/], code: 1 };
      return runLine(scene, line, expected);
    },
  }],
};

/** Provoked errors. */
export const ERRORS: Section = {
  name: "errors",
  title: "Errors",
  steps: [
    command(
      `Each socket error has a name. This command provokes each one for real, catches it by its class and
explains it. It also says which errors this machine cannot provoke.`,
      "parley info errors",
      {
        patterns: ["ECONNREFUSED", "EADDRINUSE", "ENOTFOUND"].map((code) =>
          new RegExp(`^${code} .*\\n(?: .*\\n)*? +provoked\\s+by`, "m")
        ),
      },
    ),
    command(
      `parley reports an error in one line: what failed, why, the error's name, and a hint. Nothing
listens at port 1, so this command must fail.`,
      "parley chat client 127.0.0.1:1 --name bo",
      { patterns: [/^parley: .*\(ECONNREFUSED\)\nhint: /m], code: 1 },
    ),
  ],
};
