// Numbers, times and changes as every page writes them.
const exact = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** 1,284 below ten thousand, then 12.8 k, 1.3 M. */
export function count(value: number): string {
  if (Math.abs(value) < 10_000) return exact.format(value);
  if (Math.abs(value) < 999_950) return `${oneDigit.format(value / 1e3)} k`;
  return `${oneDigit.format(value / 1e6)} M`;
}

export function exactly(value: number): string {
  return exact.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A share of 0 to 1: 0 %, < 0.1 %, 4.2 %, 31 %. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value < 10) return `${oneDigit.format(value)} %`;
  return `${Math.round(value)} %`;
}

/** 85 µs, 1.2 ms. */
export function micros(value: number): string {
  return value < 1_000 ? `${Math.round(value)} µs` : `${oneDigit.format(value / 1_000)} ms`;
}

/** "+12 %" of two counts; undefined where there is nothing to compare with. */
export function change(now: number, before: number): string | undefined {
  if (before === 0) return undefined;
  const value = ((now - before) / before) * 100;
  if (Math.abs(value) < 0.5) return "±0 %";
  return `${sign(value)}${exact.format(Math.abs(Math.round(value)))} %`;
}

/** "+1.4 points" of two shares. */
export function points(now: number, before: number): string {
  const value = (now - before) * 100;
  if (Math.abs(value) < 0.05) return "±0 points";
  return `${sign(value)}${oneDigit.format(Math.abs(value))} points`;
}

function sign(value: number): string {
  return value < 0 ? "−" : "+";
}

type Form = Intl.DateTimeFormatOptions;
const formats = new Map<string, Intl.DateTimeFormat>();

function inZone(zone: string, form: Form): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(form);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", { ...form, timeZone: zone });
    formats.set(key, format);
  }
  return format;
}

export function clock(at: string | number, zone: string): string {
  return inZone(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));
}

export function hour(at: string | number, zone: string): string {
  return inZone(zone, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

export function day(at: string | number, zone: string): string {
  return inZone(zone, { weekday: "short", day: "numeric", month: "short" }).format(new Date(at));
}

export function shortDay(at: string | number, zone: string): string {
  return inZone(zone, { day: "numeric", month: "short" }).format(new Date(at));
}

export function date(at: string | number, zone: string): string {
  return inZone(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(at));
}

/** The zone's name at that instant, such as CET or GMT+5:30. */
export function zoneName(at: string | number, zone: string): string {
  const parts = inZone(zone, { timeZoneName: "short" }).formatToParts(new Date(at));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** just now, 4 min ago, 3 h ago, then the day. */
export function ago(at: string, now: number, zone: string): string {
  const seconds = Math.max(0, (now - Date.parse(at)) / 1_000);
  if (seconds < 60) return "just now";
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return date(at, zone);
}

const regions = new Intl.DisplayNames("en", { type: "region", fallback: "code" });

export function country(code: string): string {
  try {
    return regions.of(code) ?? code;
  } catch {
    return code;
  }
}

/** A URL without what everyone knows of it. */
export function bareUrl(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
