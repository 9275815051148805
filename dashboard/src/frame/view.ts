// What a data page shows, kept in the address so that it can be sent to a colleague: period,
// comparison, filters, and whether machines are shown too.
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import type { Bucket, ClickFilter, Device, Period, Verdict } from "../generated/graphql";
import { PERIODS } from "../words";

export const FILTERS = ["link", "referrer", "country", "device", "campaign"] as const;
export type FilterName = (typeof FILTERS)[number];

export interface View {
  period: Period;
  compare: boolean;
  everyone: boolean;
  filters: Partial<Record<FilterName, string>>;
}

/** In an address, for "no value": an unknown country, no referrer. */
export const NONE = "~";
export const ALL_VERDICTS: Verdict[] = ["HUMAN", "SUSPECTED", "BOT", "INTERNAL"];
const DEFAULT: Period = "LAST_30_DAYS";

export function parseView(params: URLSearchParams): View {
  const asked = params.get("period")?.toUpperCase() as Period;
  const filters: View["filters"] = {};
  for (const name of FILTERS) {
    const value = params.get(name);
    if (value) filters[name] = value;
  }
  return {
    period: PERIODS[asked] ? asked : DEFAULT,
    compare: params.get("compare") !== "no",
    everyone: params.get("show") === "everyone",
    filters,
  };
}

/** What else stands in the address stays there. */
export function viewParams(view: View, others = new URLSearchParams()): URLSearchParams {
  const params = new URLSearchParams(others);
  for (const name of ["period", "compare", "show", ...FILTERS]) params.delete(name);
  if (view.period !== DEFAULT) params.set("period", view.period.toLowerCase());
  if (!view.compare) params.set("compare", "no");
  if (view.everyone) params.set("show", "everyone");
  for (const name of FILTERS) {
    const value = view.filters[name];
    if (value) params.set(name, value);
  }
  return params;
}

export function useView(): [View, (change: Partial<View>) => void] {
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => parseView(params), [params]);
  const change = useCallback(
    (change: Partial<View>) => setParams((params) => viewParams({ ...parseView(params), ...change }, params)),
    [setParams],
  );
  return [view, change];
}

/** The same for the API. */
export function clickFilter({ period, everyone, filters }: View): ClickFilter {
  const { link, referrer, country, device, campaign } = filters;
  return {
    period,
    ...(everyone ? { verdicts: ALL_VERDICTS } : {}),
    ...(link ? { linkIds: [link] } : {}),
    ...(referrer ? { referrers: [value(referrer)] } : {}),
    ...(country ? { countries: [value(country)] } : {}),
    ...(device ? { devices: [device as Device] } : {}),
    ...(campaign ? { utmCampaign: [value(campaign)] } : {}),
  };
}

function value(text: string): string | null {
  return text === NONE ? null : text;
}

/** Hours for a day or two, days for more. */
export function bucketOf(period: Period): Bucket {
  return period === "TODAY" || period === "YESTERDAY" ? "HOUR" : "DAY";
}
