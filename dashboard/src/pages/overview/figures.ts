// The six figures and the series behind each: how they are asked for and what they say.
import { change, count, exactly, micros, percent, points } from "../../format";
import { ALL_VERDICTS, bucketOf, clickFilter, type View } from "../../frame/view";
import type { ClickFilter, FiguresQuery, SeriesQuery, SeriesQueryVariables } from "../../generated/graphql";
import type { Figure } from "../../parts/figures";
import type { ChartPoint } from "../../parts/series-chart";
import { PERIODS } from "../../words";

export const FIGURES = ["clicks", "visitors", "phones", "direct", "bots", "latency"] as const;
export type FigureName = (typeof FIGURES)[number];

interface Measure {
  label: string;
  definition: string;
  /** Whether its values are counts, shares or times: how they are written and compared. */
  format: (value: number) => string;
  change: (now: number, before: number) => string | undefined;
  whole: boolean;
}

export const MEASURES: Record<FigureName, Measure> = {
  clicks: {
    label: "Clicks",
    definition: "Clicks that were sent on: people's, and bots' where those are counted too.",
    format: count,
    change,
    whole: true,
  },
  visitors: {
    label: "Unique visitors",
    definition:
      "Visitors told apart by day, without a cookie; who comes on several days counts on each. Only for all links or one, with no other filter.",
    format: count,
    change,
    whole: true,
  },
  phones: {
    label: "On phones",
    definition: "Share of the clicks that came from phones and tablets.",
    format: percent,
    change: points,
    whole: false,
  },
  direct: {
    label: "Direct",
    definition:
      "Share of the clicks that named no page they came from: mail, apps, QR codes, typed addresses.",
    format: percent,
    change: points,
    whole: false,
  },
  bots: {
    label: "Bot share",
    definition: "Share of all clicks, whoever made them, that were judged to be a bot's.",
    format: percent,
    change: points,
    whole: false,
  },
  latency: {
    label: "Redirect p50",
    definition:
      "Half of the redirects were decided within this time, from the request read to the click captured.",
    format: micros,
    change,
    whole: true,
  },
};

export function phonesOf(filter: ClickFilter): ClickFilter {
  return { ...filter, devices: ["MOBILE", "TABLET"] };
}

export function directOf(filter: ClickFilter): ClickFilter {
  return { ...filter, referrers: [null] };
}

export function seriesVariables(view: View, figure: FigureName): SeriesQueryVariables {
  const filter = clickFilter(view);
  const part: Record<FigureName, ClickFilter> = {
    clicks: filter,
    visitors: filter,
    phones: phonesOf(filter),
    direct: directOf(filter),
    bots: { ...filter, verdicts: ["BOT"] },
    latency: filter,
  };
  return {
    filter: figure === "bots" ? { ...filter, verdicts: ALL_VERDICTS } : filter,
    part: part[figure],
    bucket: bucketOf(view.period),
    compare: comparison(view),
    withPart: figure === "phones" || figure === "direct" || figure === "bots",
    withLatency: figure === "latency",
  };
}

export function comparison(view: View): "PREVIOUS_PERIOD" | null {
  return view.compare && view.period !== "ALL" ? "PREVIOUS_PERIOD" : null;
}

type Counts = Record<"human" | "suspected" | "bots" | "internal", number>;

function all(counts: Counts): number {
  return counts.human + counts.suspected + counts.bots + counts.internal;
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

export function figures(data: FiguresQuery, view: View): Figure[] {
  const { totals, phones, direct } = data;
  if (!totals) return [];
  const before = totals.previous;
  const values: Record<FigureName, [number | null, number | null | undefined]> = {
    clicks: [totals.clicks, before?.clicks],
    visitors: [totals.dailyUniques ?? null, before?.dailyUniques],
    phones: [
      share(phones?.clicks ?? 0, totals.clicks),
      before && share(phones?.previous?.clicks ?? 0, before.clicks),
    ],
    direct: [
      share(direct?.clicks ?? 0, totals.clicks),
      before && share(direct?.previous?.clicks ?? 0, before.clicks),
    ],
    bots: [share(totals.bots, all(totals)), before && share(before.bots, all(before))],
    latency: [totals.redirectMicrosP50 ?? null, before?.redirectMicrosP50],
  };
  return FIGURES.map((key) => {
    const [now, then] = values[key];
    const { label, definition, format } = MEASURES[key];
    return {
      key,
      label,
      definition,
      value: now === null ? "–" : format(now),
      exact: (key === "clicks" || key === "visitors") && now !== null ? exactly(now) : undefined,
      change: changeWords(key, now, then, view),
    };
  });
}

function changeWords(
  key: FigureName,
  now: number | null,
  then: number | null | undefined,
  view: View,
): string | undefined {
  if (!comparison(view)) return undefined;
  const words = PERIODS[view.period]?.before ?? "";
  if (now === null) return key === "visitors" ? undefined : "No clicks yet";
  const difference = then == null ? undefined : MEASURES[key].change(now, then);
  if (difference !== undefined) return `${difference} ${words}`;
  // Said once is enough.
  return key === "clicks" ? "None in the period before" : undefined;
}

export function chartPoints(data: SeriesQuery, figure: FigureName, now: number): ChartPoint[] {
  const { whole, part } = data;
  return (whole?.points ?? []).map((point, index) => {
    const before = whole?.previous?.[index];
    const value = (
      { clicks, dailyUniques, redirectMicrosP50 }: typeof point | NonNullable<typeof before>,
      partClicks: number | undefined,
    ) => {
      if (figure === "clicks") return clicks;
      if (figure === "visitors") return dailyUniques ?? null;
      if (figure === "latency") return redirectMicrosP50 ?? null;
      return share(partClicks ?? 0, clicks);
    };
    return {
      start: Date.parse(point.start),
      value: value(point, part?.points[index]?.clicks),
      before: before ? value(before, part?.previous?.[index]?.clicks) : undefined,
      running: point.partial && Date.parse(point.end) > now,
    };
  });
}
