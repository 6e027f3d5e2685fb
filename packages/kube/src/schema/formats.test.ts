import { describe, expect, it } from "vitest";
import { formatCheck } from "./formats.ts";

const samples: Record<string, { good: string[]; bad: string[] }> = {
  "date-time": {
    good: ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.123+01:00"],
    bad: ["2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05"],
  },
  date: { good: ["2024-02-29"], bad: ["2026-02-29", "2026-1-2", "x"] },
  duration: { good: ["1h30m", "5 days", "0", "-1.5s", "2 weeks"], bad: ["", "5", "x"] },
  ipv4: { good: ["10.0.0.1", "010.0.0.1", "::ffff:1.2.3.4"], bad: ["10.0.0", "256.0.0.1", "::1"] },
  ipv6: {
    good: ["::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
    bad: ["1.2.3.4", "1::2::3", ":1", "1:2:3", "12345::"],
  },
  cidr: { good: ["10.0.0.0/8", "fd00::/64"], bad: ["10.0.0.0", "10.0.0.0/33", "fd00::/129"] },
  mac: {
    good: ["00:11:22:33:44:55", "0123.4567.89ab", "01-23-45-67-89-ab-cd-ef"],
    bad: ["00:11:22:33:44", "00:11-22:33:44:55"],
  },
  uuid: { good: ["550e8400-e29b-41d4-a716-446655440000", "550E8400E29B41D4A716446655440000"], bad: ["550e8400"] },
  uuid3: { good: ["a3bb189e-8bf9-3888-9912-ace4e6543002"], bad: ["550e8400-e29b-41d4-a716-446655440000"] },
  uuid4: { good: ["550e8400-e29b-41d4-a716-446655440000"], bad: ["550e8400-e29b-41d4-c716-446655440000"] },
  uuid5: { good: ["886313e1-3b8a-5372-9b90-0c9aee199e5d"], bad: ["550e8400-e29b-41d4-a716-446655440000"] },
  uri: {
    good: ["http://example.com/a?b=c", "/path", "mailto:a@b.c", "https://[::1]:8080/"],
    bad: ["", "a b", "example.com", "http://a b/", "http://a/%zz"],
  },
  email: { good: ["a@b.c", "A B <a.b@c.d>"], bad: ["a", "a@", "@b", "a@b@c"] },
  hostname: { good: ["example.com", "a", "a-b.example.com"], bad: ["-a.com", "a..b", `${"a".repeat(64)}.com`] },
  byte: { good: ["YWJj", "YQ=="], bad: ["", "YQ", "Y?=="] },
  hexcolor: { good: ["#fff", "A0B1C2"], bad: ["#ffff", "red"] },
  rgbcolor: { good: ["rgb(0, 10, 255)"], bad: ["rgb(0,0,256)", "0,0,0"] },
  isbn: { good: ["0321751043", "978-0321751041"], bad: ["0321751044"] },
  creditcard: { good: ["4111 1111 1111 1111"], bad: ["4111 1111 1111 1112"] },
  ssn: { good: ["111-22-3333"], bad: ["111223333", "11-222-3333"] },
  bsonobjectid: { good: ["507f1f77bcf86cd799439011"], bad: ["507f1f77"] },
  password: { good: ["", "x"], bad: [] },
  "k8s-short-name": { good: ["a-1"], bad: ["A", "a.b", "a".repeat(64)] },
  "k8s-long-name": { good: ["a.b-1"], bad: ["A.b", "a..b"] },
};

describe("formats", () => {
  it.each(Object.entries(samples))("%s", (format, { good, bad }) => {
    const check = formatCheck(format);
    expect(good.filter((text) => check?.(text) !== true)).toEqual([]);
    expect(bad.filter((text) => check?.(text) !== false)).toEqual([]);
  });

  it("that nothing is known about check nothing", () => {
    for (const format of ["int32", "double", "", "toString", "constructor"])
      expect(formatCheck(format)).toBeUndefined();
  });
});
