// People's clicks by minute over the last hour, seeded by a query and counted on by events.
import type { Minute } from "../parts/strip";

const MINUTE = 60_000;

export class Minutes {
  private readonly counts = new Map<number, number>();

  seed(points: readonly { start: string; clicks: number }[]): void {
    for (const { start, clicks } of points) this.counts.set(Date.parse(start), clicks);
  }

  add(at: number): void {
    const minute = floor(at);
    this.counts.set(minute, (this.counts.get(minute) ?? 0) + 1);
  }

  /** The last sixty, oldest first, that of `now` included. */
  hour(now: number): Minute[] {
    const last = floor(now);
    for (const minute of this.counts.keys()) if (minute < last - 120 * MINUTE) this.counts.delete(minute);
    return Array.from({ length: 60 }, (_, index) => {
      const start = last - (59 - index) * MINUTE;
      return { start, clicks: this.counts.get(start) ?? 0 };
    });
  }
}

function floor(at: number): number {
  return Math.floor(at / MINUTE) * MINUTE;
}
