// The stream of clicks as a list to look at. Below five a second each is shown at once, above that
// once a second, above fifty a second a sample that says so. While it is paused nothing moves and
// what comes is held. What happened while the connection was away is told, and shown when asked.
// The counters elsewhere are complete whatever is shown here.
import type { ClickFieldsFragment as Click } from "../generated/graphql";

export interface FeedView {
  /** Newest first. */
  rows: readonly Click[];
  /** Waiting while paused. */
  held: number;
  /** Not shown yet, from while the connection was away. */
  away: number;
  /** One in this many is shown. */
  sample: number;
}

const MOST_ROWS = 200;
const AT_ONCE = 5;
const SAMPLED = 50;
const SHOWN_A_SECOND = 20;
const SECOND = 1_000;

export class ClickFeed {
  private view: FeedView = { rows: [], held: 0, away: 0, sample: 1 };
  /** Arrived in the second that runs. */
  private arrived: Click[] = [];
  /** How many of them are shown already. */
  private flushed = 0;
  private second = 0;
  private held: Click[] = [];
  private missed: Click[] = [];
  private seeded: ReadonlySet<string> = new Set();
  private awayUntil = 0;
  private paused = false;
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = () => this.view;

  /** Clicks from before the stream began, newest first; the stream may bring some of them again. */
  seed(clicks: readonly Click[]): void {
    this.seeded = new Set(clicks.map((click) => click.id));
    this.show({ rows: clicks.slice(0, MOST_ROWS) });
  }

  /** The connection is back: what happened until now came late. */
  resumed(now: number): void {
    this.awayUntil = now;
  }

  push(click: Click, now: number): void {
    if (this.seeded.has(click.id)) return;
    if (Date.parse(click.occurredAt) < this.awayUntil) {
      this.missed = newest(this.missed, [click]);
      this.show({ away: this.view.away + 1 });
      return;
    }
    if (now - this.second >= SECOND) this.tick(now);
    this.arrived.push(click);
    if (this.arrived.length <= AT_ONCE) this.flush(1);
  }

  /** To be called once a second. */
  tick(now: number): void {
    this.second = now;
    const many = this.arrived.length;
    const sample = many > SAMPLED ? Math.ceil(many / SHOWN_A_SECOND) : 1;
    this.flush(sample);
    this.arrived = [];
    this.flushed = 0;
    if (sample !== this.view.sample) this.show({ sample });
  }

  private flush(sample: number): void {
    const arrived = this.arrived.slice(this.flushed);
    this.flushed = this.arrived.length;
    if (arrived.length === 0) return;
    const fresh = arrived.filter((_, index) => index % sample === 0);
    if (this.paused) {
      this.held = newest(this.held, fresh);
      this.show({ held: this.view.held + arrived.length });
    } else {
      this.show({ rows: newest(this.view.rows, fresh) });
    }
  }

  pause(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) return;
    const fresh = this.held.toReversed();
    this.held = [];
    this.show({ rows: newest(this.view.rows, fresh), held: 0 });
  }

  showMissed(): void {
    const rows = [...this.view.rows, ...this.missed].toSorted((a, b) =>
      a.occurredAt < b.occurredAt ? 1 : -1,
    );
    this.missed = [];
    this.show({ rows: rows.slice(0, MOST_ROWS), away: 0 });
  }

  private show(change: Partial<FeedView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** `fresh`, oldest first, on top of `rows`, newest first. */
function newest(rows: readonly Click[], fresh: readonly Click[]): Click[] {
  return [...fresh.toReversed(), ...rows].slice(0, MOST_ROWS);
}
