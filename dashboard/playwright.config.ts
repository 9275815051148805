// Tests of the built program in a real browser: `make browser-test`. The flags keep Chromium from
// asking for anything but what the tests open; nothing is tried twice.
import { defineConfig } from "@playwright/test";

export const browser = {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** A headless Chromium says that it is one, which counts as a bot. */
export const PERSON =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36";

export default defineConfig({
  testDir: "e2e",
  workers: 2,
  retries: 0,
  forbidOnly: true,
  fullyParallel: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["dot"]],
  outputDir: "test-results",
  use: { launchOptions: browser, userAgent: PERSON, locale: "en-GB", timezoneId: "Europe/Berlin" },
});
