// The project's words, said the same everywhere: verdicts, devices, outcomes, periods.
import type { Device, Outcome, Period, Verdict } from "./generated/graphql";

export const VERDICTS: Record<Verdict, { name: string; mark: string }> = {
  HUMAN: { name: "Person", mark: "human" },
  SUSPECTED: { name: "Suspected", mark: "suspected" },
  BOT: { name: "Bot", mark: "bot" },
  INTERNAL: { name: "Internal", mark: "internal" },
};

export const DEVICES: Record<Device, string> = {
  DESKTOP: "Desktop",
  MOBILE: "Phone",
  TABLET: "Tablet",
  TV: "TV",
  BOT: "Machine",
  UNKNOWN: "Unknown device",
};

export const OUTCOMES: Record<Outcome, string> = {
  REDIRECTED: "Sent on",
  FALLBACK: "Sent to the fallback",
  EXPIRED: "Link expired",
  DISABLED: "Link removed or off",
  LIMIT: "Over the click limit",
  PASSWORD: "Asked for the password",
  PREVIEW: "Preview",
};

/** Leads to where a browser is told that its clicks are one's own. */
export const OWN_CLICK = {
  question: "Was this you?",
  name: "Own clicks",
  answer: "Ignore my clicks on this device",
  /** Where there are several hosts of links: what is answered holds for one. */
  answerOn: (host: string) => `Ignore my clicks on ${host} on this device`,
  nowhere: "They can be ignored once there is a link.",
};

/**
 * Whom to name for places and networks, as the licences ask (docs/geo.md). All of them, always: only the workers
 * know which databases they have, and clicks keep what earlier ones said.
 */
export const GEO_SOURCES = {
  intro: "Places and networks, where this installation has databases of them:",
  sources: [
    { name: "IP Geolocation by DB-IP", url: "https://db-ip.com" },
    { name: "RouteViews", url: "https://www.routeviews.org" },
    { name: "NRO", url: "https://www.nro.net" },
  ],
  licence: { name: "CC BY 4.0", url: "https://creativecommons.org/licenses/by/4.0/" },
  geoLite: {
    when: "Where it has GeoLite2:",
    says: "This product includes GeoLite2 data created by MaxMind, available from",
    url: "https://www.maxmind.com",
  },
};

export const PERIODS: Partial<Record<Period, { name: string; before: string }>> = {
  TODAY: { name: "Today", before: "on yesterday until now" },
  YESTERDAY: { name: "Yesterday", before: "on the day before" },
  LAST_7_DAYS: { name: "Last 7 days", before: "on the 7 days before" },
  LAST_30_DAYS: { name: "Last 30 days", before: "on the 30 days before" },
  LAST_90_DAYS: { name: "Last 90 days", before: "on the 90 days before" },
  MONTH_TO_DATE: { name: "This month", before: "on last month until this day" },
  YEAR_TO_DATE: { name: "This year", before: "on last year until this day" },
  ALL: { name: "All time", before: "" },
};

/** Whether counts take a click: the visitor was sent on. */
export function isCounted(outcome: Outcome): boolean {
  return outcome === "REDIRECTED" || outcome === "FALLBACK";
}
