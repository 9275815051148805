import { describe, expect, test } from "vitest";
import type { ClickFieldsFragment } from "../generated/graphql";
import { ClickFeed } from "./feed";

const START = Date.parse("2026-03-01T12:00:00Z");

function click(id: number, at = START): ClickFieldsFragment {
  return { id: String(id), occurredAt: new Date(at).toISOString() } as ClickFieldsFragment;
}

function shown(feed: ClickFeed): string[] {
  return feed.snapshot().rows.map((row) => row.id);
}

describe("the stream", () => {
  test("shows few at once and many each second", () => {
    const feed = new ClickFeed();
    feed.tick(START);
    for (let n = 1; n <= 8; n++) feed.push(click(n), START + n);
    expect(shown(feed)).toEqual(["5", "4", "3", "2", "1"]);
    feed.tick(START + 1_000);
    expect(shown(feed)).toEqual(["8", "7", "6", "5", "4", "3", "2", "1"]);
    expect(feed.snapshot().sample).toBe(1);
  });

  test("samples above fifty a second, says so, and stops saying so", () => {
    const feed = new ClickFeed();
    feed.tick(START);
    for (let n = 0; n < 200; n++) feed.push(click(n), START + 1);
    feed.tick(START + 1_000);
    expect(feed.snapshot().sample).toBe(10);
    expect(shown(feed).length).toBeLessThan(30);
    feed.push(click(1_000), START + 1_001);
    feed.tick(START + 2_000);
    expect(feed.snapshot().sample).toBe(1);
    expect(shown(feed)[0]).toBe("1000");
  });

  test("holds what comes while paused, and brings it in order", () => {
    const feed = new ClickFeed();
    feed.tick(START);
    feed.push(click(1), START);
    feed.pause(true);
    feed.push(click(2), START + 1);
    feed.push(click(3), START + 2);
    expect(shown(feed)).toEqual(["1"]);
    expect(feed.snapshot().held).toBe(2);
    feed.pause(false);
    expect(shown(feed)).toEqual(["3", "2", "1"]);
    expect(feed.snapshot().held).toBe(0);
  });

  test("tells of what happened while away and shows it when asked", () => {
    const feed = new ClickFeed();
    feed.tick(START);
    feed.push(click(1), START);
    feed.resumed(START + 60_000);
    feed.push(click(2, START + 30_000), START + 60_001);
    feed.push(click(3, START + 60_002), START + 60_003);
    expect(shown(feed)).toEqual(["3", "1"]);
    expect(feed.snapshot().away).toBe(1);
    feed.showMissed();
    expect(shown(feed)).toEqual(["3", "2", "1"]);
    expect(feed.snapshot().away).toBe(0);
  });

  test("shows nothing twice that was there from the beginning, and is bounded", () => {
    const feed = new ClickFeed();
    feed.seed([click(2), click(1)]);
    feed.push(click(2), START);
    expect(shown(feed)).toEqual(["2", "1"]);
    for (let n = 10; n < 1_000; n++) feed.push(click(n), START + n * 1_000);
    feed.tick(START + 2_000_000);
    expect(shown(feed).length).toBe(200);
  });
});
