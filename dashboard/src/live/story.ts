// What one click says, in sentences: for the panel that waited for it, and for its drawer.
import { country } from "../format";
import type { ClickFieldsFragment as Click } from "../generated/graphql";
import { DEVICES } from "../words";

/** "Chrome 139 on Windows", "curl", "an unknown browser". */
export function agent({ browser, browserVersion, os, device, userAgent }: Click): string {
  const product = /^([A-Za-z][\w.-]*)[/ ]/.exec(userAgent ?? "")?.[1];
  const isBrowser = product === undefined || product === "Mozilla" || product === "Opera";
  if (!isBrowser) return product;
  const major = browserVersion?.split(".")[0];
  const name = browser ? (major ? `${browser} ${major}` : browser) : "an unknown browser";
  if (os) return `${name} on ${os}`;
  return device === "UNKNOWN" ? name : `${name}, ${DEVICES[device].toLowerCase()}`;
}

/** "Berlin, Germany", or why there is no place. */
export function place(click: Click): string {
  const { city, country: code, network } = click;
  if (code) return city ? `${city}, ${country(code)}` : country(code);
  if (network && isLocal(network)) return "local network, so no country";
  return "a network that the geo database does not know, so no country";
}

/** Whether it says anything that a geo database knew: its place, or that its network is a data centre's. */
export function isLookedUp({ country, verdictReason }: Click): boolean {
  return country != null || verdictReason.code === "DATA_CENTRE";
}

/** How it was counted and what it saw. */
export function verdictSentence(click: Click): string {
  switch (click.verdict) {
    case "HUMAN":
      return `Counted as a person, with ${agent(click)}.`;
    case "SUSPECTED":
      return `Counted as suspected: ${lower(click.verdictReason.message)}`;
    case "BOT":
      return `Counted as a bot, because ${reason(click)}.`;
    case "INTERNAL":
      return "Counted as internal: it came from your own people.";
  }
}

function reason(click: Click): string {
  switch (click.verdictReason.code) {
    case "HTTP_LIBRARY":
      return `it came from ${agent(click)}`;
    case "NO_USER_AGENT":
      return "it named no browser";
    case "HEAD_REQUEST":
      return "it asked for the headers only, as link previews do";
    case "CRAWLER":
      return `its browser calls itself a crawler: ${agent(click)}`;
    default:
      return lower(click.verdictReason.message).replace(/\.$/, "");
  }
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Loopback, link-local, and the private ranges of RFC 1918, RFC 6598 and RFC 4193. */
export function isLocal(network: string): boolean {
  return /^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::|f[cd]|fe[89ab])/i.test(
    network,
  );
}
