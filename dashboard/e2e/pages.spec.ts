// Every page, in both themes, on a desk and on a phone: nothing that axe finds, nothing wider than
// the screen, nothing on the console.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { CURL, enter, expect, GERMANY, IPHONE, test, type World } from "./fixture";

const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

interface Shown {
  name: string;
  open: (page: Page, world: World) => Promise<void>;
}

const busy = async (page: Page, world: World, path: string) => {
  const person = await world.signUp();
  await world.link(person, { targetUrl: "https://example.com/sale", title: "Spring sale" });
  const { slug } = await world.link(person, {
    targetUrl: `https://example.com/${"long-".repeat(40)}`,
    title: "A title that is rather long for the room it has",
  });
  await world.click(slug, { from: GERMANY, referrer: "https://news.example.org/" });
  await world.click(slug, { agent: IPHONE });
  await world.click(slug, { agent: CURL });
  await enter(page, world, person, path);
  return slug;
};

const PAGES: Shown[] = [
  {
    name: "sign-up with faults",
    async open(page, world) {
      await page.goto(`${world.program.api}/sign-up`);
      await page.getByRole("button", { name: "Make account" }).click();
      await expect(page.locator("[aria-invalid=true]").first()).toBeVisible();
    },
  },
  {
    name: "sign-in",
    async open(page, world) {
      await page.goto(`${world.program.api}/sign-in`);
      await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    },
  },
  {
    name: "first run",
    async open(page, world) {
      await enter(page, world, await world.signUp());
      await expect(page.getByRole("heading", { name: "Paste a link" })).toBeVisible();
    },
  },
  {
    name: "waiting",
    async open(page, world) {
      const person = await world.signUp();
      await world.link(person, { targetUrl: "https://example.com/" });
      await enter(page, world, person);
      await expect(page.getByText("Waiting for the first click")).toBeVisible();
    },
  },
  {
    name: "first click",
    async open(page, world) {
      const person = await world.signUp();
      const { slug } = await world.link(person, { targetUrl: "https://example.com/" });
      await enter(page, world, person);
      await expect(page.getByText("Waiting for the first click")).toBeVisible();
      await world.click(slug, { from: GERMANY });
      await expect(page.getByText("From Germany.")).toBeVisible();
    },
  },
  {
    name: "overview",
    async open(page, world) {
      await busy(page, world, "");
      await expect(page.getByRole("region", { name: "Countries" }).getByText("Germany")).toBeVisible();
      await expect(page.locator(".plot canvas")).toBeVisible();
    },
  },
  {
    name: "overview as a table, with a filter that matches nothing",
    async open(page, world) {
      await busy(page, world, "?country=SE");
      await page.getByRole("button", { name: "Show as a table" }).click();
      await expect(page.getByText("No click matches.").first()).toBeVisible();
    },
  },
  {
    name: "live",
    async open(page, world) {
      await busy(page, world, "/live");
      await expect(page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button")).toHaveCount(
        3,
      );
    },
  },
  {
    name: "a click",
    async open(page, world) {
      await busy(page, world, "/live");
      await page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button").first().click();
      await expect(page.getByRole("dialog")).toBeVisible();
    },
  },
  {
    name: "account",
    async open(page, world) {
      await busy(page, world, "");
      await page.getByRole("button", { name: "Account" }).click();
      await expect(page.getByRole("link", { name: "Ignore my clicks on this device" })).toBeVisible();
    },
  },
  {
    name: "links",
    async open(page, world) {
      await busy(page, world, "/links");
      await expect(page.locator("tbody tr")).toHaveCount(2);
    },
  },
  {
    name: "new link",
    async open(page, world) {
      await busy(page, world, "/links?new");
      await expect(page.getByRole("dialog")).toBeVisible();
    },
  },
  {
    name: "no such page",
    async open(page, world) {
      await enter(page, world, await world.signUp(), "/nowhere");
      await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
    },
  },
];

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test.describe(`${colorScheme}, ${size}`, () => {
      test.use({ colorScheme, viewport });
      for (const shown of PAGES) {
        test(shown.name, async ({ page, world }) => {
          await shown.open(page, world);
          // Colours are measured when nothing moves any more.
          await page.waitForFunction(() =>
            document
              .getAnimations()
              .every(
                (one) =>
                  one.playState !== "running" ||
                  one.effect?.getTiming().iterations === Number.POSITIVE_INFINITY,
              ),
          );
          const { violations } = await new AxeBuilder({ page })
            .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
            .analyze();
          expect(
            violations.map(({ id, nodes }) => [
              id,
              nodes.map((node) => `${node.target} ${node.failureSummary}`),
            ]),
          ).toEqual([]);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(wider, "pixels wider than the screen").toBeLessThanOrEqual(0);
        });
      }
    });
  }
}

test("a change of the system's theme reaches every word", async ({ page, world }) => {
  await busy(page, world, "");
  await expect(page.getByRole("region", { name: "Countries" }).getByText("Germany")).toBeVisible();
  const contrast = async () =>
    (await new AxeBuilder({ page }).withRules("color-contrast").analyze()).violations;
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator("html")).toHaveAttribute("data-theme", colorScheme);
    expect(await contrast()).toEqual([]);
  }
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("the first view is small and comes from one place", async ({ page, world }) => {
  const person = await world.signUp();
  const { slug } = await world.link(person, {
    targetUrl: "https://example.com/",
    title: "With its slug in mono",
  });
  await world.click(slug);
  await enter(page, world, person);
  await expect(page.locator(".plot canvas")).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
  const { bytes, hosts } = await page.evaluate(() => {
    const loaded = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const files = loaded.filter((entry) => !entry.name.endsWith("/graphql"));
    return {
      bytes: files.reduce((sum, entry) => sum + entry.encodedBodySize, 0),
      hosts: [...new Set(loaded.map((entry) => new URL(entry.name).host))],
    };
  });
  expect(hosts).toEqual([new URL(world.program.api).host]);
  test.info().annotations.push({ type: "bytes", description: String(bytes) });
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(300 * 1024);
});
