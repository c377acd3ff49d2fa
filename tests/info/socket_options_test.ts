// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { inspectSocket } from "../../lib/info.ts";
import { withheld } from "../fixtures/granted.ts";

Deno.test({
  name: "inspectSocket() without its permission invents no value, and names the flag",
  ignore: !withheld("ffi"),
  fn() {
    const report = inspectSocket({ transport: "tcp", receiveBuffer: 8192 });
    assertEquals([report.descriptor, report.type, report.local], [null, null, null]);
    for (const { before, after, meaning, in_deno } of report.settings) {
      assertEquals([before, after], [null, null]);
      assert(meaning !== "" && in_deno !== "");
    }
    const supported = ["linux", "darwin"].includes(Deno.build.os);
    assertEquals(report.missing.map(({ permission }) => permission), [supported ? "ffi" : null]);
  },
});
