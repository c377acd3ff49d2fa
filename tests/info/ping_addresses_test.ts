// needs: nothing

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { AddressList, LookupSchedule, MAX_ADDRESSES } from "../../lib/info/ping/ping.ts";
import type { HostAddress } from "../../lib/net/resolve_host.ts";

function found(...addresses: string[]): HostAddress[] {
  return addresses.map((address) => ({
    address,
    family: address.includes(":") ? "IPv6" : "IPv4",
  }));
}

Deno.test("AddressList reports what a lookup adds and removes, and keeps the places of the others", () => {
  const list = new AddressList();
  assertEquals(list.update(found("192.0.2.1", "192.0.2.2", "192.0.2.1")), {
    addresses: ["192.0.2.1", "192.0.2.2"],
    added: ["192.0.2.1", "192.0.2.2"],
    removed: [],
    left_out: 0,
  });
  assertEquals(list.update(found("192.0.2.2", "192.0.2.1")), undefined, "another order");
  assertEquals(list.update(found("192.0.2.3", "192.0.2.2")), {
    addresses: ["192.0.2.2", "192.0.2.3"],
    added: ["192.0.2.3"],
    removed: ["192.0.2.1"],
    left_out: 0,
  });
  assertEquals(list.update([]), undefined);
  assertEquals(list.current, ["192.0.2.2", "192.0.2.3"]);
});

Deno.test("AddressList takes only addresses of its family", () => {
  const list = new AddressList("IPv6");
  assertEquals(list.update(found("192.0.2.1")), undefined);
  assertEquals(list.update(found("192.0.2.1", "2001:db8::1"))?.addresses, ["2001:db8::1"]);
});

Deno.test("AddressList limits the number of addresses, and prefers those that it has", () => {
  const list = new AddressList();
  const many = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`);
  const first = list.update(found(...many))!;
  assertEquals([first.addresses.length, first.left_out], [MAX_ADDRESSES, 12]);
  assertEquals(list.update(found(...many.toReversed())), undefined);
  const change = list.update(found(...many.slice(1).toReversed()))!;
  assertEquals([change.removed, change.added], [["192.0.2.0"], ["192.0.2.19"]]);
});

Deno.test("LookupSchedule is due after its interval, and 5 s after a lookup if a probe was lost", () => {
  const schedule = new LookupSchedule(60_000, 100);
  assertEquals(schedule.dueAt, 60_100);
  schedule.lost();
  assertEquals(schedule.dueAt, 5_100);
  schedule.lookedUp(70_000);
  assertEquals(schedule.dueAt, 130_000);
  const often = new LookupSchedule(200, 0);
  often.lost();
  assertEquals(often.dueAt, 200, "never later than its interval");
});

Deno.test("LookupSchedule with an interval of 0 is never due", () => {
  const schedule = new LookupSchedule(0, 0);
  schedule.lost();
  assertEquals(schedule.dueAt, Infinity);
});
