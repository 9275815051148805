// The main job, as someone does it who has never seen the page.
import { CURL, expect, GERMANY, test } from "./fixture";

test("from sign-up to a live click on one's own link in under a minute", async ({ page, context, world }) => {
  const begun = Date.now();
  await page.goto(world.program.api);
  await page.getByLabel("E-mail").fill("first@example.com");
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByLabel("Workspace").fill("Lighthouse");
  await page.getByRole("button", { name: "Make account" }).click();
  await page.getByRole("textbox", { name: "Link" }).fill("example.com/spring?utm_source=mail");
  await page.getByRole("button", { name: "Shorten it" }).click();
  await expect(page.getByText("Waiting for the first click")).toBeVisible();
  // The short link leads to a host that is not reached here; the click is made all the same.
  await context.route("https://example.com/**", (route) => route.fulfill({ body: "the target" }));
  const [target] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("link", { name: "Open it" }).click(),
  ]);
  await target.waitForURL("https://example.com/spring?utm_source=mail");
  await expect(page.getByRole("heading", { name: "The first click is here" })).toBeVisible();
  await expect(page.getByText(/^Counted as a person, with Chrom(e|ium) \d+ on Linux\.$/)).toBeVisible();
  await expect(page.getByText("Local network, so no country. Campaign source mail.")).toBeVisible();
  await expect(page.getByRole("link", { name: "IP Geolocation by DB-IP" })).toBeHidden();
  expect(Date.now() - begun).toBeLessThan(60_000);

  await page.getByRole("button", { name: "Go to the overview" }).click();
  await expect(page.getByRole("tab", { name: "Clicks" })).toContainText("1");
  await page.getByRole("link", { name: "Live" }).click();
  await expect(page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button")).toHaveCount(1);
});

test("the waiting panel says why a click counts as a bot", async ({ page, world }) => {
  await page.goto(`${world.program.api}/sign-up`);
  await page.getByLabel("E-mail").fill("second@example.com");
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByLabel("Workspace").fill("Pier");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Link" }).fill("https://example.com/");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Waiting for the first click")).toBeVisible();
  const shown = await page.locator(".ready-url").textContent();
  await world.click(shown?.split("/")[1] ?? "", { agent: CURL, from: GERMANY });
  await expect(page.getByText("Counted as a bot, because it came from curl.")).toBeVisible();
  await expect(page.getByText("From Germany.")).toBeVisible();
  // Whose databases knew that is said beside it.
  await expect(page.getByRole("link", { name: "IP Geolocation by DB-IP" })).toBeVisible();
  await expect(page.getByRole("link", { name: "RouteViews" })).toBeVisible();
  // It waits for a click, and a reload does not make it forget that one came.
  await page.reload();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
});

test("a link that is none is told at the field, and nothing is lost", async ({ page, world, complaints }) => {
  const person = await world.signUp();
  await page.goto(`${world.program.api}/enter#${person.refreshToken}`);
  const field = page.getByRole("textbox", { name: "Link" });
  await field.fill("javascript:alert(1)");
  await page.keyboard.press("Enter");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toBeFocused();
  await expect(field).toHaveValue("javascript:alert(1)");
  await expect(page.getByText(/http/).last()).toBeVisible();
  expect(complaints).toEqual([]);
});
