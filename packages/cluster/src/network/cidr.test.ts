import { expect, test } from "vitest";
import { formatCidr, isInCidr, parseCidr, without } from "./cidr.ts";

test("Ranges are read, and asked", () => {
  expect(formatCidr(parseCidr("10.1.2.3/8"))).toBe("10.0.0.0/8");
  expect(isInCidr("255.255.255.255", "0.0.0.0/0")).toBe(true);
  expect(isInCidr("10.96.255.255", "10.96.0.0/16")).toBe(true);
  expect(isInCidr("10.97.0.0", "10.96.0.0/16")).toBe(false);
  expect(isInCidr("::1", "0.0.0.0/0")).toBe(false);
  expect(() => parseCidr("10.0.0.0")).toThrow(RangeError);
});

test("What is left of a range without others covers the rest exactly", () => {
  const left = (cidr: string, ...others: string[]) => without(parseCidr(cidr), others.map(parseCidr)).map(formatCidr);
  expect(left("10.0.0.0/8")).toEqual(["10.0.0.0/8"]);
  expect(left("10.0.0.0/30", "10.0.0.1/32")).toEqual(["10.0.0.0/32", "10.0.0.2/31"]);
  expect(left("10.0.0.0/24", "10.0.0.0/16")).toEqual([]);
  expect(left("10.0.0.0/24", "10.0.1.0/24")).toEqual(["10.0.0.0/24"]);
  expect(left("0.0.0.0/0", "10.0.0.0/8", "192.168.0.0/16")).toHaveLength(22);
});
