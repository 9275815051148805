import { expect, test } from "vitest";
import { Minutes } from "./minutes";

const NOW = Date.parse("2026-03-01T12:00:30Z");

test("an hour has sixty minutes, the newest last", () => {
  const minutes = new Minutes();
  minutes.seed([
    { start: "2026-03-01T12:00:00.000Z", clicks: 2 },
    { start: "2026-03-01T11:01:00.000Z", clicks: 5 },
    { start: "2026-03-01T11:00:00.000Z", clicks: 9 },
  ]);
  minutes.add(NOW);
  const hour = minutes.hour(NOW);
  expect(hour.length).toBe(60);
  expect([hour[0]?.clicks, hour[59]?.clicks]).toEqual([5, 3]);
  // A minute on, the strip has moved by one.
  expect(
    minutes
      .hour(NOW + 60_000)
      .map((minute) => minute.clicks)
      .slice(-2),
  ).toEqual([3, 0]);
});
