// needs: net ffi run=python3

/**
 * Sockets read through the C library, beside what Python's socket module says of its own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  htonl,
  htons,
  inspectSocket,
  readIp,
  type Setting,
  type SocketChanges,
  type SocketReport,
} from "../../lib/info.ts";
import { granted } from "../fixtures/granted.ts";

const HAS_LIBC = granted("ffi") && ["linux", "darwin"].includes(Deno.build.os);
const HAS_PYTHON = granted("run=python3") && await findPython();

async function findPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What a Python program prints as JSON. */
async function python(program: string): Promise<unknown> {
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", program],
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

function setting(report: SocketReport, name: Setting["name"]): Setting {
  return report.settings.find((each) => each.name === name)!;
}

Deno.test({
  name: "inspectSocket() reads a real socket: descriptor, type, address, defaults",
  ignore: !HAS_LIBC,
  fn() {
    const report = inspectSocket({ transport: "udp" });
    assert(report.descriptor !== null && report.descriptor > 2);
    assertEquals([report.type, report.local?.address], ["SOCK_DGRAM", "127.0.0.1"]);
    assert(report.local!.port > 0);
    assertEquals(report.missing, []);
    assertEquals(setting(report, "SO_RCVTIMEO").before, 0);
    assertEquals(setting(report, "O_NONBLOCK").before, false);
    for (const { before, requested, after } of report.settings) {
      assertEquals([requested, after], [null, before]);
    }
    assertEquals(inspectSocket({ transport: "tcp" }).type, "SOCK_STREAM");
  },
});

Deno.test({
  name: "inspectSocket() changes the requested options, and reads them again",
  ignore: !HAS_LIBC,
  fn() {
    const report = inspectSocket({
      transport: "tcp",
      timeout: 100,
      receiveBuffer: 8192,
      sendBuffer: 16_384,
      nonBlocking: true,
    });
    const values = report.settings.map(({ name, requested, after }) => [name, requested, after]);
    const times = Deno.build.os === "linux" ? 2 : 1;
    assertEquals(values, [
      ["SO_RCVTIMEO", 100, 100],
      ["SO_RCVBUF", 8192, times * 8192],
      ["SO_SNDBUF", 16_384, times * 16_384],
      ["O_NONBLOCK", true, true],
    ]);
  },
});

Deno.test({
  name: "inspectSocket() explains the doubling, the least and the most of Linux's buffers",
  ignore: !HAS_LIBC || Deno.build.os !== "linux",
  fn() {
    const meaning = (receiveBuffer: number) =>
      setting(inspectSocket({ transport: "tcp", receiveBuffer }), "SO_RCVBUF").meaning;
    assertMatch(meaning(8192), /the kernel doubles it/);
    assertMatch(meaning(1), /the kernel's minimum/);
    assertMatch(meaning(0x7fff_ffff), /limited by net\.core\.rmem_max/);
  },
});

Deno.test({
  name: "inspectSocket() leaves no descriptor open",
  ignore: !HAS_LIBC,
  fn() {
    const first = inspectSocket({ transport: "tcp" }).descriptor;
    for (let i = 0; i < 10; i++) inspectSocket({ transport: "tcp" });
    assertEquals(inspectSocket({ transport: "tcp" }).descriptor, first);
  },
});

Deno.test({
  name: "inspectSocket() agrees with Python's socket module, before and after a change",
  ignore: !HAS_LIBC || !HAS_PYTHON,
  async fn() {
    const changes: SocketChanges = {
      transport: "tcp",
      timeout: 1.25,
      receiveBuffer: 8192,
      sendBuffer: 1,
      nonBlocking: true,
    };
    for (const transport of ["tcp", "udp"] as const) {
      const theirs = await python(`
import fcntl, json, os, socket, struct
kind = socket.SOCK_STREAM if "${transport}" == "tcp" else socket.SOCK_DGRAM
s = socket.socket(socket.AF_INET, kind)
s.bind(("127.0.0.1", 0))
def values():
    seconds, micros = struct.unpack("ll", s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
    return [seconds + micros / 1e6, s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
            s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
            bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK)]
before = values()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 250000))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
s.setblocking(False)
print(json.dumps([before, values()]))`);
      const { settings } = inspectSocket({ ...changes, transport });
      const ours = [settings.map(({ before }) => before), settings.map(({ after }) => after)];
      assertEquals(ours, theirs, transport);
    }
  },
});

Deno.test({
  name: "readIp(), htons() and htonl() agree with Python's inet_aton(), htons() and htonl()",
  ignore: !HAS_PYTHON,
  async fn() {
    const texts = [
      ...["127.0.0.1", "127.1", "1.2.3", "0x7f.1", "017700000001", "2130706433", "0xffffffff", "0"],
      ...["256.1.1.1", "08.1", "1..2", "", "1.2.3.4.5", "1.2.3.", "1.2.65536", "4294967296", "a"],
    ];
    const theirs = await python(`
import json, socket
def aton(text):
    try:
        return socket.inet_aton(text).hex()
    except OSError:
        return None
print(json.dumps([[aton(t) for t in ${
      JSON.stringify(texts)
    }], socket.htons(1234), socket.htonl(1234)]))`);
    const ours = texts.map((text) => {
      try {
        return Array.from(readIp(text).bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
          "",
        );
      } catch {
        return null; // refused, as theirs is to be
      }
    });
    assertEquals([ours, htons(1234), htonl(1234)], theirs);
  },
});
