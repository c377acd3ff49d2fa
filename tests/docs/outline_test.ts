// needs: net read=.

/**
 * The subjects of the original tutorial, each in its section of the tutorial in both languages, and in the tour.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { TOUR } from "../../lib/commands/tour/whole_table.ts";
import { granted } from "../fixtures/granted.ts";
import { readDocument } from "./documents.ts";

const ignore = !granted("read=.");

/** What each section of the tutorial must contain, by its number. */
const SUBJECTS: Readonly<Record<string, readonly string[]>> = {
  "1.": ["mkvirtualenv", "workon", "deactivate", "rmvirtualenv", "deno.lock"],
  "2.": ["SOCK_STREAM", "SOCK_DGRAM", "65,535"],
  "3.1": ["parley info host", "Deno.hostname()", "127.0.1.1"],
  "3.2": ["parley info resolve", "parley info ping"],
  "3.3": ["inet_aton", "7f000001", "127"],
  "3.4": ["/etc/services", "http", "domain", "smtp", "ftp", "mysql", "ssh", "3306"],
  "3.5": ["htons", "htonl", "ntohs", "ntohl", "53764", "3523477504"],
  "3.6": ["gettimeout()", "None"],
  "3.7": ["SO_RCVBUF", "SO_SNDBUF", "SO_RCVTIMEO", "O_NONBLOCK"],
  "3.8": ["Deno.errors", "parley info errors"],
  "3.9": ["argparse", "--help"],
  "4.": ["127.0.0.1:1060", "38 bytes long", "recvfrom", "sendto", "65,507"],
  "4.1": ["Ctrl-Z", "fg", "promiscuous", "parley udp send", "parley udp demo"],
  "5.": ["parley tcp server", "parley tcp client"],
  "5.1": ["parley tcp demo"],
  "5.2": ["parley tcp connect", "parley tcp listen", "parley tcp check", "ECONNRESET"],
  "6.": ["parley rsa encrypt", "parley rsa decrypt", "2048"],
  "7.": ["server or client", "4396", "512", "pickle", "53", "parley chat server", "--wire"],
};

/** The section of the tutorial that each section of the tour plays, and a command of it. */
const PLAYED: Readonly<Record<string, readonly [section: string, command: string]>> = {
  host: ["3.1", "parley info host"],
  address: ["3.3", "parley info address"],
  byteorder: ["3.5", "parley info byteorder"],
  service: ["3.4", "parley info service"],
  socket: ["3.7", "parley info socket"],
  errors: ["3.8", "parley info errors"],
  udp: ["4.", "parley udp server"],
  forgery: ["4.1", "parley udp demo"],
  tcp: ["5.1", "parley tcp demo"],
  rsa: ["6.", "parley rsa keygen"],
  chat: ["7.", "parley chat client"],
};

/** The texts of the sections of a document by their numbers. */
async function numberedSections(name: string): Promise<Map<string, string>> {
  const sections = (await readDocument(name)).split(/^#+ (?=\d)/m).slice(1);
  return new Map(sections.map((text) => [text.slice(0, text.indexOf(" ")), text]));
}

for (const name of ["docs/tutorial.md", "docs/tutorial.zh.md"]) {
  Deno.test({
    name: `${name} has every subject of the original tutorial in its section`,
    ignore,
    async fn() {
      const sections = await numberedSections(name);
      assertEquals([...sections.keys()].filter((number) => number !== "3."), Object.keys(SUBJECTS));
      for (const [number, words] of Object.entries(SUBJECTS)) {
        for (const word of words) assert(sections.get(number)!.includes(word), `${number} ${word}`);
      }
    },
  });

  Deno.test({
    name: `each section of the tour plays a section of ${name}`,
    ignore,
    async fn() {
      const sections = await numberedSections(name);
      const [{ choices }] = TOUR.operands;
      assertEquals(new Set(Object.keys(PLAYED)), new Set<string>(choices));
      for (const [section, [number, command]] of Object.entries(PLAYED)) {
        assert(sections.get(number)!.includes(command), `${section}: ${number} ${command}`);
      }
    },
  });
}
