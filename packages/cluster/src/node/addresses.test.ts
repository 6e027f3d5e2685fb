import { expect, test } from "vitest";
import { AddressRange, podRange } from "./addresses.ts";

test("addresses are handed out in turn, and one given back is not the next to go", () => {
  const range = new AddressRange("10.244.3.0/29");
  expect([range.take(), range.take()]).toEqual(["10.244.3.2", "10.244.3.3"]);
  range.release("10.244.3.2");
  expect([range.take(), range.take(), range.take()]).toEqual(["10.244.3.4", "10.244.3.5", "10.244.3.6"]);
  expect([range.take(), range.take()]).toEqual(["10.244.3.2", undefined]);
});

test("an address in use is passed over", () => {
  const range = new AddressRange("10.244.0.0/24");
  range.reserve("10.244.0.2");
  range.reserve("192.168.0.1");
  expect(range.take()).toBe("10.244.0.3");
});

test("each node has a range of its own, with room for its pods", () => {
  expect([podRange(0, 110), podRange(1, 110), podRange(300, 110)]).toEqual([
    "10.244.0.0/24",
    "10.244.1.0/24",
    "10.245.44.0/24",
  ]);
  expect([podRange(0, 1000), podRange(1, 1000)]).toEqual(["10.244.0.0/22", "10.244.4.0/22"]);
});
