import { expect, test } from "vitest";
import type { ClickFieldsFragment } from "../generated/graphql";
import { agent, isLocal, isLookedUp, place, verdictSentence } from "./story";

const CHROME = {
  verdict: "HUMAN",
  verdictReason: { code: "NO_SIGNAL", message: "Nothing speaks against a person." },
  browser: "Chrome",
  browserVersion: "139.0.0.0",
  os: "Windows",
  device: "DESKTOP",
  userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
  country: "DE",
  city: null,
  network: "203.0.113.0/24",
} as ClickFieldsFragment;

const CURL = {
  ...CHROME,
  verdict: "BOT",
  verdictReason: { code: "HTTP_LIBRARY", message: "The user agent is that of an HTTP library." },
  browser: null,
  userAgent: "curl/8.5.0",
} as ClickFieldsFragment;

test("who it was, in a sentence", () => {
  expect(verdictSentence(CHROME)).toBe("Counted as a person, with Chrome 139 on Windows.");
  expect(verdictSentence(CURL)).toBe("Counted as a bot, because it came from curl.");
  const unknown = { ...CURL, verdictReason: { code: "NEW_RULE", message: "Too many links at once." } };
  expect(verdictSentence(unknown)).toBe("Counted as a bot, because too many links at once.");
  expect(agent({ ...CHROME, browser: null, os: null })).toBe("an unknown browser, desktop");
});

test("where it was, or why that is not known", () => {
  expect(place(CHROME)).toBe("Germany");
  expect(place({ ...CHROME, city: "Berlin" })).toBe("Berlin, Germany");
  expect(place({ ...CHROME, country: null })).toContain("the geo database does not know");
  expect(place({ ...CHROME, country: null, network: "192.168.1.0/24" })).toBe("local network, so no country");
});

test("whom to name is said of what a database knew", () => {
  expect(isLookedUp(CHROME)).toBe(true);
  expect(isLookedUp({ ...CHROME, country: null })).toBe(false);
  const server = {
    ...CURL,
    country: null,
    verdictReason: { code: "DATA_CENTRE", message: "A data centre." },
  };
  expect(isLookedUp(server)).toBe(true);
});

test("local networks", () => {
  for (const network of [
    "127.0.0.0/24",
    "10.1.2.0/24",
    "172.16.0.0/24",
    "172.31.9.0/24",
    "100.64.0.0/24",
    "fd00:1::/48",
    "fe80::/48",
    "::/48",
  ]) {
    expect(isLocal(network), network).toBe(true);
  }
  for (const network of ["128.0.0.0/24", "172.32.0.0/24", "100.128.0.0/24", "2001:db8::/48"]) {
    expect(isLocal(network), network).toBe(false);
  }
});
