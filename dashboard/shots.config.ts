// The screenshots of docs/screenshots, taken of the demo: `make shots`.
import { defineConfig } from "@playwright/test";
import { browser, PERSON } from "./playwright.config";

export default defineConfig({
  testDir: "shots",
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  outputDir: "test-results",
  use: { launchOptions: browser, userAgent: PERSON, locale: "en-GB", timezoneId: "Europe/Berlin" },
});
