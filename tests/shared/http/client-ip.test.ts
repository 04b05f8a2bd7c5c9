import { describe, expect, test } from "vitest";
import type { Env } from "../../../shared/env.ts";
import { createClientIpReader, toClientNetwork } from "../../../shared/http/client-ip.ts";

const readFrom = (headers: Record<string, string>, clientIpHeader = "x-real-ip") => {
  const read = createClientIpReader({ clientIpHeader } as unknown as Env);
  return read(new Headers(headers));
};

describe("createClientIpReader()", () => {
  test("knows no address without the setting, whatever the headers say", () => {
    const read = createClientIpReader({} as unknown as Env);
    expect(read(new Headers({ "x-real-ip": "192.0.2.1" }))).toBeNull();
  });

  test("looks at no other header", () => {
    const spoofed = {
      "x-forwarded-for": "192.0.2.1",
      "forwarded": "for=192.0.2.1",
      "cf-connecting-ip": "192.0.2.1",
      "true-client-ip": "192.0.2.1",
      "sb-forwarded-for": "192.0.2.1",
    };
    expect(readFrom(spoofed)).toBeNull();
    expect(readFrom({ ...spoofed, "x-real-ip": "198.51.100.7" })).toBe("198.51.100.7");
  });

  test("takes what the nearest proxy appended, not what the caller sent before it", () => {
    const header = "x-forwarded-for";
    expect(readFrom({ [header]: "127.0.0.1, 192.0.2.1, 198.51.100.7" }, header))
      .toBe("198.51.100.7");
    expect(readFrom({ [header]: "192.0.2.1, unknown" }, header)).toBeNull();
    expect(readFrom({ [header]: "192.0.2.1," }, header)).toBeNull();
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    [" 192.0.2.1 ", "192.0.2.1"],
    ["192.0.2.1:52000", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["::1", "::1"],
  ])("reads %j as %s", (value, expected) => {
    expect(readFrom({ "x-real-ip": value })).toBe(expected);
  });

  test.each([
    "",
    "localhost",
    "256.0.0.1",
    "192.0.2",
    "192.0.2.1.5",
    "3221225985",
    "0x7f.0.0.1",
    "192.0.2.1/24",
    "fe80::1%eth0",
    "2001:db8::1::2",
    "2001:db8",
    "[2001:db8::1",
    "192.0.2.1; drop table",
    `${"1".repeat(10_000)}.1.1.1`,
    "for=192.0.2.1",
  ])("takes %j for no address", (value) => {
    expect(readFrom({ "x-real-ip": value })).toBeNull();
  });
});

describe("toClientNetwork()", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:1:ffff::2", "2001:db8:0:1::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ])("counts %s as %s", (ip, network) => {
    expect(toClientNetwork(ip)).toBe(network);
    expect(network.length).toBeLessThanOrEqual(45);
  });
});
