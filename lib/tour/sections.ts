/**
 * The sections of the tour, in the tutorial's order. Each is loaded where it is taken.
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
  rsa: () => Promise.resolve(RSA),
  chat: () => Promise.resolve(CHAT),
};

/**
 * Sections of the tour.
 *
 * @param name The one that is wanted; all of them without.
 */
export function loadSections(name?: string): Promise<Section[]> {
  const names = name === undefined ? Object.keys(LOAD) : [name];
  return Promise.all(names.map((one) => LOAD[one]!()));
}

const SECRET = "the secret of the day";

/** A conversation. */
export const CHAT: Section = {
  name: "chat",
  title: "The encrypted chat",
  steps: [{
    says:
      `ada opens a room and sits in it, bo joins. What bo says is encrypted for ada before it leaves bo;
--wire shows each frame that travels, and its ciphertext: the words are not in it.`,
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
  await ada.until(/nobody else is here/, signal);
  const join = `parley chat client 127.0.0.1:${port} --name bo --wire`;
  prompt(join);
  const bo = start(["chat", "client", `127.0.0.1:${port}`, "--name", "bo", "--wire"], {
    label: "   bo │ ",
  });
  await bo.until(/you are bo SHA256:/, signal);
  await bo.type(`${SECRET}\n`);
  await ada.until(new RegExp(`^bo: ${SECRET}$`, "m"), signal);
  await ada.type("I can read it, and nobody between us\n");
  await bo.until(/^ada: I can read it/m, signal);
  await bo.endInput();
  requireCode(join, await untilAborted(bo.ended, signal), 0);
  await ada.type("/quit\n");
  requireCode(open, await untilAborted(ada.ended, signal), 0);
  requireSecrecy(bo);
}

/** Throws unless a member's frames were shown, and none has the text in it. */
function requireSecrecy(member: Job): void {
  const rows = [...member.said.matchAll(/^[<>] +[0-9a-f]{4} {2}((?:[0-9a-f]{2} ?)+)/gm)];
  const bytes = rows.flatMap(([, row]) => row!.trim().split(/ +/).map((hex) => parseInt(hex, 16)));
  if (bytes.length === 0) throw new Error("no ciphertext was shown");
  const text = new TextDecoder("latin1").decode(new Uint8Array(bytes));
  if (text.includes(SECRET)) throw new Error("the text travelled as it is");
}

/** The echo server and its client. */
export const UDP: Section = {
  name: "udp",
  title: "UDP: an echo server and a client",
  steps: [{
    says:
      `A datagram needs no connection. The server says how long it was; the client has no port until it
sends, then the system picks one, which is where the answer goes. Ctrl-C ends the server.`,
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

/** The promiscuous client. */
export const FORGERY: Section = {
  name: "forgery",
  title: "UDP: the forged reply",
  steps: [
    command(
      `Anyone may send a datagram to anyone. A client that takes the first one that comes believes an
attacker who is quicker than the server; one that compares the sender's address does not.`,
      "parley udp demo",
      { patterns: [/Fooled: /, /Not fooled: /] },
    ),
  ],
};

/** The host's own name and addresses, and whether a host answers. */
export const HOST: Section = {
  name: "host",
  title: "This host, and others",
  steps: [
    {
      says:
        `A host has a name and addresses: one for each interface, and 127.0.0.1 for itself. The name
may resolve to an address that leads back to the machine and that nobody else can use.`,
      play: (scene) =>
        runLine(scene, "parley info host", {
          patterns: [literally(Deno.hostname()), /127\.0\.0\.1/],
        }),
    },
    command(
      `A name is turned into addresses by the hosts file and the domain name system. This one
is known everywhere without asking anybody.`,
      "parley info resolve localhost",
      { patterns: [/^localhost\s+A\s+\S+ ms\s+127\.0\.0\.1$/m] },
    ),
    command(
      `Is a host there? A TCP connection that is refused answers that as well as one that is accepted:
somebody had to refuse it. No privileges are needed for this, as they are for ICMP.`,
      "parley info ping 127.0.0.1:9 -c 2 -i 100",
      { patterns: [/^ +2\s+(refused|open) /m, /^2 sent, 2 answered/m] },
    ),
  ],
};

/** Notations of an address. */
export const ADDRESS: Section = {
  name: "address",
  title: "Addresses in every notation",
  steps: [
    command(
      `An IPv4 address is four bytes. The dotted text is for people; the network carries 7f000001, and its
first byte is 127.`,
      "parley info address 127.0.0.1",
      { patterns: [/^packed\s+7f000001$/m, /^ +1\s+127\s+7f\s+01111111$/m] },
    ),
    commands(
      `And back. inet_aton(3) takes more than one expects: packed hex, and parts that are hex or left out.
All of these are one address: who filters by text is passed by.`,
      [
        ["parley info address 7f000001", { patterns: [/^address\s+127\.0\.0\.1$/m] }],
        ["parley info address 0x7f.1", { patterns: [/^address\s+127\.0\.0\.1$/m] }],
      ],
    ),
    command(
      `256 does not fit into a byte. What is wrong is said, with the part that it is in: this command
must fail.`,
      "parley info address 256.1.1.1",
      { patterns: [/^parley: .*256/m], code: 2 },
    ),
  ],
};

/** Which byte comes first. */
export const BYTE_ORDER: Section = {
  name: "byteorder",
  title: "Byte order",
  steps: [
    command(
      `1234 is the bytes 04 d2. Most machines keep the lesser byte first, the network sends the greater one
first: htons and htonl exchange them, ntohs and ntohl exchange them back.`,
      "parley info byteorder 1234",
      { patterns: [/^htons\(1234\)\s+(53764|1234)\s/m, /^htonl\(1234\)\s+(3523477504|1234)\s/m] },
    ),
    command(
      `And back: 53764 from the network is 1234 here.`,
      "parley info byteorder 53764 --bits 16",
      { patterns: [/^ntohs\(53764\)\s+(1234|53764)\s/m] },
    ),
  ],
};

/** Ports that everybody knows. */
export const SERVICE: Section = {
  name: "service",
  title: "Services and their ports",
  steps: [
    commands(
      `A client must know a port before it can ask anything. The usual ones are written down, in
/etc/services and at IANA.`,
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

/** Keys, a letter, a signature. */
export const RSA: Section = {
  name: "rsa",
  title: "RSA",
  setting: openDirectory,
  steps: [
    commands(
      `A pair of keys: one file to keep, which only you can read, and one to give away. Its fingerprint is
what people compare. Done here in a directory that is removed afterwards.`,
      [
        ["parley rsa keygen --bits 2048 -o ada.pem", { patterns: [/SHA256:[A-Za-z0-9+/]{43}/] }],
        ["parley rsa inspect ada.pem", { patterns: [/^modulus +2048 bits$/m] }],
      ],
    ),
    commands(
      `Anyone can encrypt to the public key. Only the private one opens it. The text may be of any length:
RSA encrypts a key for AES, and that the text.`,
      [
        ["parley rsa encrypt --to ada.pem.pub -o letter.jwe", {
          patterns: [],
          input: "meet me at noon\n",
        }],
        ["parley rsa decrypt --key ada.pem letter.jwe", { patterns: [/^meet me at noon$/m] }],
      ],
    ),
    commands(
      `The other way round, the private key signs and everybody can check it. A changed text does not pass:
the last command must fail.`,
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
      `The fingerprint is the same whichever of the two files it is taken of.`,
      "parley rsa fingerprint ada.pem.pub",
      { patterns: [/^SHA256:[A-Za-z0-9+/]{43}/m] },
    ),
  ],
};

/** A new working directory; the old one when it is disposed. */
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

/** Options and timeouts. */
export const SOCKET: Section = {
  name: "socket",
  title: "Socket options and timeouts",
  steps: [{
    says:
      `A socket waits for ever unless it is told not to, and has buffers whose size one can ask for. This
asks the system itself, through its C library: settings before, and after a change.`,
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

/** Errors, provoked. */
export const ERRORS: Section = {
  name: "errors",
  title: "Errors",
  steps: [
    command(
      `Whatever can go wrong has a name. Each error of sockets is provoked here, for real, caught by its
class, and explained. One that this machine cannot provoke is said to be so.`,
      "parley info errors",
      {
        patterns: ["ECONNREFUSED", "EADDRINUSE", "ENOTFOUND"].map((code) =>
          new RegExp(`^${code} .*\\n(?: .*\\n)*? +provoked\\s+by`, "m")
        ),
      },
    ),
    command(
      `A program that meets one ends with one line: what, why, the name, and what to do. Nothing listens
at port 1, so this command must fail.`,
      "parley chat client 127.0.0.1:1 --name bo",
      { patterns: [/^parley: .*\(ECONNREFUSED\)\nhint: /m], code: 1 },
    ),
  ],
};
