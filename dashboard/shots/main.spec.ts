// Each main page in both themes, on a desk and on a phone.
import { type Browser, expect, type Page, test } from "@playwright/test";
import { startProgram } from "../e2e/program";

const FOLDER = "../docs/screenshots";
const SIZES = {
  desk: { viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
};

type Take = (name: string, fullPage?: boolean) => Promise<void>;

test("the demo", async ({ browser }) => {
  const demo = await startProgram(["demo", "--seed", "7"]);
  try {
    await expect.poll(() => demo.output(), { timeout: 120_000 }).toContain("/enter#");
    const password = /password (\S+)/.exec(demo.output())?.[1] ?? "";
    for (const size of ["desk", "phone"] as const) {
      await inBothThemes(browser, size, async (page, take) => {
        await page.goto(`${demo.api}/sign-in`);
        await page.getByLabel("E-mail").fill("demo@example.com");
        await page.getByLabel("Password").fill(password);
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.waitForURL("**/w/**");
        const base = page.url();
        await expect(page.getByRole("region", { name: "Countries" }).getByText("Germany")).toBeVisible();
        await expect(page.getByRole("tab", { name: "Clicks" })).toBeVisible();
        await expect(page.getByRole("region", { name: "Campaigns" }).getByText("spring")).toBeVisible();
        await take("overview", true);
        await page.goto(`${base}?figure=bots&country=DE`);
        await expect(page.getByRole("tab", { name: "Bot share" })).toBeVisible();
        await expect(page.locator(".plot canvas")).toBeVisible();
        await take("overview-filtered");
        await page.goto(`${base}/live`);
        await expect(page.locator(".stream li").nth(31)).toBeVisible();
        await page.mouse.move(0, 0);
        await take("live");
        await page.locator(".stream li button").first().click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await take("click");
        await page.goto(`${base}/links`);
        await expect(page.locator("tbody tr")).toHaveCount(12);
        await take("links", true);
        await page.goto(`${base}/links?new`);
        await page
          .getByRole("dialog")
          .getByLabel("Target")
          .fill("https://example.com/autumn?utm_source=mail");
        await page.getByRole("dialog").getByLabel("Slug").fill("autumn");
        await expect(page.getByRole("dialog").getByText("127.0.0.1").first()).toBeVisible();
        await take("new-link");
        await page.route("**/graphql", async (route) => {
          const body = route.request().postData() ?? "";
          if (!body.includes("COUNTRY")) return route.continue();
          const message = "The service cannot reach its database right now. Try again in a moment.";
          await route.fulfill({
            json: { data: null, errors: [{ message, extensions: { code: "UNAVAILABLE" } }] },
          });
        });
        await page.goto(base);
        await expect(page.getByRole("alert")).toBeVisible();
        await expect(page.getByRole("tab", { name: "Clicks" })).toBeVisible();
        await take("failure", true);
      });
      await firstRun(browser, size, demo.api);
    }
  } finally {
    await demo.stop();
  }
});

async function firstRun(browser: Browser, size: "desk" | "phone", api: string): Promise<void> {
  await inBothThemes(browser, size, async (page, take) => {
    await page.goto(`${api}/sign-up`);
    await page.getByLabel("E-mail").fill(`${size}@example.com`);
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Make account" }).click();
    await expect(page.locator("[aria-invalid=true]").first()).toBeVisible();
    await take("sign-up");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByLabel("Workspace").fill("Lighthouse");
    await page.getByRole("button", { name: "Make account" }).click();
    await expect(page.getByRole("heading", { name: "Paste a link" })).toBeVisible();
    await take("first-run");
    await page.getByRole("textbox", { name: "Link" }).fill("https://example.com/spring?utm_source=mail");
    await page.getByRole("button", { name: "Shorten it" }).click();
    await expect(page.getByText("Waiting for the first click")).toBeVisible();
    await take("waiting");
    const shown = (await page.locator(".ready-url").textContent()) ?? "";
    await fetch(`http://${shown}`, { redirect: "manual", headers: { "user-agent": "curl/8.5.0" } });
    await expect(page.getByRole("heading", { name: "The first click is here" })).toBeVisible();
    await take("arrived");
  });
}

/** Plays the scene once and takes each picture in light and in dark. */
async function inBothThemes(
  browser: Browser,
  size: "desk" | "phone",
  scene: (page: Page, take: Take) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ ...SIZES[size], locale: "en-GB", timezoneId: "Europe/Berlin" });
  const page = await context.newPage();
  await scene(page, async (name, fullPage = false) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      // The charts are painted anew in the other colours, a frame later.
      await page.evaluate(async () => {
        for (let frame = 0; frame < 4; frame++)
          await new Promise((painted) => requestAnimationFrame(painted));
      });
      // The whole page as a screen that is tall enough: what sticks to an edge sticks to that one.
      const { viewport } = SIZES[size];
      const height = fullPage
        ? await page.evaluate(() => document.documentElement.scrollHeight)
        : viewport.height;
      await page.setViewportSize({ ...viewport, height: Math.max(height, viewport.height) });
      await page.screenshot({ path: `${FOLDER}/${name}-${size}-${colorScheme}.png` });
      await page.setViewportSize(viewport);
    }
  });
  await context.close();
}
