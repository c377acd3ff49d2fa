import { Failure } from "../../lib/base/failure.ts";
import { permissionHint, TASKS, withPermissionHint } from "../../lib/cli/help.ts";
import { toFailure } from "../../lib/os/errors.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

Deno.test("the tasks that hints name are those of deno.json, with all that they grant", () => {
  const ofConfig = Object.entries(config.tasks).flatMap(([name, { command }]) => {
    const [, flags, words] = /^deno run (.*) main\.ts --task=\$TERM (.+)$/.exec(command) ?? [];
    if (flags === undefined || words === undefined) return [];
    const grants = [...flags.matchAll(/--allow-([a-z]+)/g)].map(([, kind]) => kind);
    return [[name, words.replace(/ --.*$/, ""), grants.sort()]];
  });
  const ofTable = TASKS.map((
    { name, words, grants },
  ) => [name, words.join(" "), [...grants].sort()]);
  assertEquals(ofTable.sort(), ofConfig.sort());
});

Deno.test("permissionHint() names the task that grants all of it, and the flags", () => {
  assertEquals(
    permissionHint(["rsa", "keygen"], ["--allow-read", "--allow-write"]),
    "use deno task rsa keygen …, or run again with --allow-read --allow-write",
  );
  assertEquals(
    permissionHint(["info", "socket"], ["--allow-ffi"]),
    "use deno task info-socket …, or run again with --allow-ffi",
  );
  assertEquals(
    permissionHint(["info", "service"], ["--allow-read=/etc/services"]),
    "use deno task info service …, or run again with --allow-read=/etc/services",
  );
  assertEquals(
    permissionHint(["chat", "client"], ["--allow-net", "--allow-read"]),
    "run again with --allow-net --allow-read",
  );
});

Deno.test("permissionHint() sends people from an executable, whose permissions are fixed, to the source", () => {
  for (const build of ["compiled", "self-contained"] as const) {
    assertEquals(
      permissionHint(["info", "socket"], ["--allow-ffi"], build),
      "the permissions of this executable are fixed: run parley from source, with " +
        "deno run --allow-ffi main.ts info socket …",
    );
  }
});

Deno.test("withPermissionHint() says of an executable that it was built without the permission", () => {
  const error = new Deno.errors.NotCapable("Requires ffi access, run again with --allow-ffi");
  const failure = toFailure(error, "cannot read a socket");
  for (const build of ["compiled", "self-contained"] as const) {
    const hinted = withPermissionHint(failure, ["udp", "server"], ["net"], build);
    assertEquals([hinted.what, hinted.code], [failure.what, "NOT_PERMITTED"]);
    assertEquals(hinted.why, "this executable was built without the permission for it");
    assertEquals(
      hinted.hint,
      "the permissions of this executable are fixed: run parley from source, with " +
        "deno run --allow-net --allow-ffi main.ts udp server …",
    );
  }
});

Deno.test("withPermissionHint() names every permission that the command declares", () => {
  const error = new Deno.errors.NotCapable("Requires read access, run again with --allow-read");
  const failure = toFailure(error, "cannot write x.pem");
  const hinted = withPermissionHint(failure, ["rsa", "keygen"], ["read", "write"]);
  assertEquals([hinted.what, hinted.why, hinted.code], [failure.what, failure.why, failure.code]);
  assertEquals(
    hinted.hint,
    "use deno task rsa keygen …, or run again with --allow-read --allow-write",
  );
  const other = new Failure({ what: "x", why: "y", code: "NOT_PERMITTED", hint: "z" });
  assertEquals(withPermissionHint(other, ["rsa"], []), other);
});
