import { expect, test } from "vitest";
import {
  ago,
  bareUrl,
  change,
  clock,
  count,
  country,
  micros,
  percent,
  plural,
  points,
  zoneName,
} from "./format";

test("counts are exact below ten thousand and short above", () => {
  expect([0, 1284, 9999, 10_000, 12_849, 999_949, 999_950, 1_250_000].map(count)).toEqual([
    "0",
    "1,284",
    "9,999",
    "10 k",
    "12.8 k",
    "999.9 k",
    "1 M",
    "1.3 M",
  ]);
  expect([plural(1, "click"), plural(0, "click"), plural(2, "click")]).toEqual([
    "1 click",
    "0 clicks",
    "2 clicks",
  ]);
});

test("shares and times keep what matters", () => {
  expect([0, 0.0004, 0.0421, 0.31, 1].map(percent)).toEqual(["0 %", "< 0.1 %", "4.2 %", "31 %", "100 %"]);
  expect([85, 999, 1_240].map(micros)).toEqual(["85 µs", "999 µs", "1.2 ms"]);
});

test("changes are said with their sign, and not of nothing", () => {
  expect(change(112, 100)).toBe("+12 %");
  expect(change(50, 100)).toBe("−50 %");
  expect(change(1_001, 1_000)).toBe("±0 %");
  expect(change(5, 0)).toBeUndefined();
  expect(points(0.114, 0.1)).toBe("+1.4 points");
  expect(points(0.1, 0.1)).toBe("±0 points");
});

test("times are the workspace's, on both sides of a change of the clocks", () => {
  expect(clock("2026-03-29T00:30:00Z", "Europe/Berlin")).toBe("01:30:00");
  expect(clock("2026-03-29T01:30:00Z", "Europe/Berlin")).toBe("03:30:00");
  expect(zoneName("2026-01-01T00:00:00Z", "Europe/Berlin")).toBe("CET");
  expect(zoneName("2026-07-01T00:00:00Z", "Europe/Berlin")).toBe("CEST");
});

test("a moment ago, in words", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  const of = (at: string) => ago(at, now, "UTC");
  expect(of("2026-03-01T11:59:40Z")).toBe("just now");
  expect(of("2026-03-01T11:56:00Z")).toBe("4 min ago");
  expect(of("2026-03-01T09:00:00Z")).toBe("3 h ago");
  expect(of("2026-02-01T09:00:00Z")).toBe("1 Feb 2026");
  // A clock that is behind.
  expect(of("2026-03-01T12:00:30Z")).toBe("just now");
});

test("names of places and addresses", () => {
  expect([country("DE"), country("XX"), country("??")]).toEqual(["Germany", "XX", "??"]);
  expect(bareUrl("https://example.com/")).toBe("example.com");
});
