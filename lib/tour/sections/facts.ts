/**
 * What hosts and networks say of themselves: the tutorial's facts, with its numbers.
 *
 * @module
 */

import { command, commands, runLine, type Section } from "../step.ts";

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
