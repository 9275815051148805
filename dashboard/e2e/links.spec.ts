// Links: made, changed, removed; and a view that can be sent to a colleague.
import { enter, expect, GERMANY, test } from "./fixture";

test("a link is made with a slug of one's own, changed, and removed", async ({ page, world, request }) => {
  const person = await world.signUp();
  const other = await world.link(person, { targetUrl: "https://example.com/other" });
  await enter(page, world, person, "/links");
  await expect(page.getByRole("heading", { name: "Links" })).toBeVisible();
  await page.keyboard.press("c");
  const form = page.getByRole("dialog");
  const slug = `sale-${Date.now()}`;
  await form.getByLabel("Target").fill("https://example.com/first");
  await form.getByLabel("Slug").fill(other.slug);
  await form.getByLabel("Title").fill("Spring sale");
  await form.getByRole("button", { name: "Make link" }).click();
  // Taken: said at the field, and what was typed is still there.
  await expect(form.getByText("This slug is taken. Choose another one.")).toBeVisible();
  await expect(form.getByLabel("Title")).toHaveValue("Spring sale");
  await form.getByLabel("Slug").fill(slug);
  await form.getByRole("button", { name: "Make link" }).click();
  await expect(form.getByRole("heading", { name: "The link is ready" })).toBeVisible();
  await form.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("row", { name: /Spring sale/ })).toContainText(slug);

  await page.getByRole("link", { name: "Edit Spring sale" }).click();
  await form.getByLabel("Target").fill("https://example.com/second");
  await form.getByLabel("Slug").fill(`${slug}-new`);
  await expect(form.getByText(`/${slug} goes on leading here.`)).toBeVisible();
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await expect(form.getByRole("heading", { name: "Saved" })).toBeVisible();
  for (const path of [slug, `${slug}-new`]) {
    await expect
      .poll(
        async () =>
          (await request.get(`${world.program.redirect}/${path}`, { maxRedirects: 0 })).headers()["location"],
      )
      .toBe("https://example.com/second");
  }
  await form.getByRole("button", { name: "Done" }).click();

  await page.getByRole("link", { name: "Edit Spring sale" }).click();
  // What was typed survives a reload, and is gone when it is given up.
  await form.getByLabel("Title").fill("Summer sale");
  await page.reload();
  await expect(form.getByLabel("Title")).toHaveValue("Summer sale");
  await form.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("link", { name: "Edit Spring sale" }).click();
  await expect(form.getByLabel("Title")).toHaveValue("Spring sale");
  await form.getByRole("button", { name: "Delete" }).click();
  await form.getByRole("button", { name: "Delete it" }).click();
  await expect(page.getByRole("row", { name: /Spring sale/ })).toHaveCount(0);
  await expect
    .poll(async () => (await request.get(`${world.program.redirect}/${slug}`, { maxRedirects: 0 })).status())
    .toBe(410);
});

test("the first link of an empty list appears in it", async ({ page, world }) => {
  await enter(page, world, await world.signUp(), "/links");
  await page.getByRole("link", { name: "Make the first one" }).click();
  const form = page.getByRole("dialog");
  await form.getByLabel("Target").fill("example.com/first");
  await form.getByRole("button", { name: "Make link" }).click();
  await form.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("somebody else's change is not overwritten", async ({ page, world }) => {
  const person = await world.signUp();
  const link = await world.link(person, { targetUrl: "https://example.com/", title: "Shared" });
  await enter(page, world, person, "/links");
  await page.getByRole("link", { name: "Edit Shared" }).click();
  const form = page.getByRole("dialog");
  await expect(form.getByLabel("Target")).toHaveValue("https://example.com/");
  const change = "mutation($i: UpdateLinkInput!) { updateLink(input: $i) { link { version } } }";
  await world.ask(change, { i: { id: link.id, title: "Shared by two" } }, person.accessToken);
  await form.getByLabel("Target").fill("https://example.com/mine");
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await expect(form.getByRole("alert")).toContainText("The link was changed in the meantime.");
  await expect(form.getByLabel("Target")).toHaveValue("https://example.com/mine");
  await form.getByRole("button", { name: "Load it again" }).click();
  await expect(form.getByLabel("Title")).toHaveValue("Shared by two");
  await form.getByRole("button", { name: "Cancel" }).click();
  // Opened once more, it begins with what is stored by then.
  await world.ask(change, { i: { id: link.id, title: "Shared by three" } }, person.accessToken);
  await page.getByRole("link", { name: /^Edit Shared/ }).click();
  await expect(form.getByLabel("Title")).toHaveValue("Shared by three");
});

test("period, comparison and filters stand in the address", async ({ page, world }) => {
  const person = await world.signUp();
  const { slug } = await world.link(person, { targetUrl: "https://example.com/", title: "Spring sale" });
  await world.click(slug, { from: GERMANY, referrer: "https://news.example.org/" });
  await world.click(slug);
  await enter(page, world, person);
  const clicks = page.getByRole("tab", { name: "Clicks" });
  await expect(clicks).toContainText("2");
  await page
    .getByRole("region", { name: "Countries" })
    .getByRole("button", { name: /Germany/ })
    .click();
  await expect(clicks).toContainText("1");
  await page.getByLabel("Period").selectOption("Today");
  await page.getByRole("tab", { name: "Bot share" }).click();
  const address = new URL(page.url());
  expect(Object.fromEntries(address.searchParams)).toEqual({
    country: "DE",
    period: "today",
    figure: "bots",
  });
  await page.reload();
  await expect(page.getByRole("tab", { name: "Bot share" })).toHaveAttribute("aria-selected", "true");
  await expect(clicks).toContainText("1");
  await page.getByRole("button", { name: /Germany Remove this filter/ }).click();
  await expect(page.getByRole("tab", { name: "Bot share" })).toHaveAttribute("aria-selected", "true");
  await expect(clicks).toContainText("2");
  // Back undoes one choice after the other.
  await page.goBack();
  await expect(clicks).toContainText("1");
  await page.goForward();
  await expect(clicks).toContainText("2");
  // New clicks come by themselves.
  await world.click(slug);
  await expect(clicks).toContainText("3");
});

test("all of it works with the keyboard alone", async ({ page, world }) => {
  const person = await world.signUp();
  const { slug } = await world.link(person, { targetUrl: "https://example.com/" });
  await world.click(slug);
  await enter(page, world, person);
  const clicks = page.getByRole("tab", { name: "Clicks" });
  await clicks.focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Unique visitors" })).toBeFocused();
  await expect(page.getByRole("tab", { name: "Unique visitors" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("l");
  await expect(page.getByRole("heading", { name: "Live" })).toBeVisible();
  await page.keyboard.press("c");
  await expect(page.getByRole("dialog").getByLabel("Target")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});
