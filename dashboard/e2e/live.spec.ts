// The live page: the stream, its pause, a click's story, and a connection that breaks.
import { Cable } from "./cable";
import { CURL, enter, expect, GERMANY, IPHONE, type Person, test, type World } from "./fixture";

async function withLink(world: World): Promise<[Person, string]> {
  const person = await world.signUp();
  const { slug } = await world.link(person, { targetUrl: "https://example.com/", title: "Spring sale" });
  await world.click(slug, { from: GERMANY });
  return [person, slug];
}

test("clicks arrive by themselves, newest first, with their story", async ({ page, world }) => {
  const [person, slug] = await withLink(world);
  await enter(page, world, person, "/live");
  const rows = page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button");
  await expect(rows).toHaveCount(1);
  await expect(page.getByText("Live", { exact: true }).last()).toBeVisible();
  await world.click(slug, { from: GERMANY, agent: IPHONE, referrer: "https://news.example.org/today" });
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText("Germany");
  await expect(rows.first()).toContainText("news.example.org");
  await world.click(slug, { agent: CURL });
  await expect(rows.first()).toContainText("Bot");
  // Machines are in the stream and not in the count.
  await expect(page.locator(".now-largest")).toHaveText("2");
  await page.getByRole("button", { name: "People only" }).click();
  await expect(rows).toHaveCount(2);
  await rows.first().click();
  const story = page.getByRole("dialog");
  await expect(story).toContainText("Counted as a person, with Safari 17 on iOS.");
  await expect(story).toContainText("Sent on with status 302");
  await page.keyboard.press("Escape");
  await expect(story).toBeHidden();
  // Back closes it as well, and stays on the page.
  await rows.first().click();
  await expect(story).toBeVisible();
  await page.goBack();
  await expect(story).toBeHidden();
  await expect(page.getByRole("heading", { name: "Live" })).toBeVisible();
});

test("while it is paused nothing moves, and what comes is told", async ({ page, world }) => {
  const [person, slug] = await withLink(world);
  await enter(page, world, person, "/live");
  const rows = page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button");
  await expect(rows).toHaveCount(1);
  await page.keyboard.press("Space");
  await expect(page.getByRole("button", { name: "Go on" })).toBeVisible();
  for (let n = 0; n < 3; n++) await world.click(slug);
  await expect(page.getByRole("button", { name: "3 new" })).toBeVisible();
  await expect(rows).toHaveCount(1);
  await page.getByRole("button", { name: "3 new" }).click();
  await expect(rows).toHaveCount(4);
  // The pointer over the rows holds them too.
  await rows.first().hover();
  await world.click(slug);
  await expect(page.getByRole("button", { name: "1 new" })).toBeVisible();
  await page.mouse.move(0, 0);
  await expect(rows).toHaveCount(5);
});

test("a connection that breaks is said in words, and not one click is missed or shown twice", async ({
  page,
  world,
  complaints,
}) => {
  const [person, slug] = await withLink(world);
  const cable = new Cable(world.program.api);
  const api = await cable.listen();
  await enter(page, world, person, "/live", api);
  const rows = page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button");
  const connection = page.locator(".connection");
  await expect(connection).toHaveText("Live");
  await world.click(slug);
  await expect(rows).toHaveCount(2);
  cable.pull();
  await expect(connection).toHaveText("Reconnecting, nothing lost");
  for (let n = 0; n < 7; n++) await world.click(slug);
  cable.plug();
  await expect(connection).toHaveText("Live", { timeout: 20_000 });
  await expect(page.getByText("7 clicks while away")).toBeVisible();
  await page.getByRole("button", { name: "Show" }).click();
  await expect(rows).toHaveCount(9);
  await world.click(slug);
  await expect(rows).toHaveCount(10);
  cable.close();
  // The browser itself tells of each try that fails.
  const others = complaints.splice(0).filter((text) => !/WebSocket|ERR_|Failed to load resource/.test(text));
  expect(others).toEqual([]);
});

test("many clicks a second are sampled, and the counts are complete", async ({ page, world }) => {
  const [person, slug] = await withLink(world);
  await enter(page, world, person, "/live");
  await expect(page.locator(".connection")).toHaveText("Live");
  const many = 400;
  const sampled = page.getByText(/^Showing 1 in \d+; counts are complete\.$/).waitFor();
  for (let sent = 0; sent < many; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, () => world.click(slug)));
  }
  await sampled;
  // One was there before.
  await expect(page.locator(".now-largest")).toHaveText(String(many + 1));
});

test("a page that was opened while the server was away recovers by itself", async ({ page, world }) => {
  const [person] = await withLink(world);
  await enter(page, world, person);
  const message = "The service cannot reach its database right now. Try again in a moment.";
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("LastHour")) return route.continue();
    await route.fulfill({ json: { data: null, errors: [{ message, extensions: { code: "UNAVAILABLE" } }] } });
  });
  await page.getByRole("link", { name: "Live" }).click();
  await expect(page.getByRole("alert")).toContainText(message);
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  await page.unroute("**/graphql");
  // By itself, if nobody asks.
  await expect(page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button")).toHaveCount(1);
});

test("a stream that the server refuses for a moment goes on by itself", async ({ page, world }) => {
  const [person, slug] = await withLink(world);
  let refusals = 2;
  await page.routeWebSocket("**/graphql", (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const { id, type } = JSON.parse(String(message)) as { id?: string; type: string };
      if (type !== "subscribe" || refusals === 0) return server.send(message);
      refusals -= 1;
      const errors = [
        { message: "The service cannot reach its database right now.", extensions: { code: "UNAVAILABLE" } },
      ];
      socket.send(JSON.stringify({ id, type: "error", payload: errors }));
    });
  });
  await enter(page, world, person, "/live");
  const rows = page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button");
  await expect(rows).toHaveCount(1);
  await expect.poll(() => refusals).toBe(0);
  await world.click(slug);
  await expect(rows).toHaveCount(2);
  await expect(page.locator(".now-largest")).toHaveText("2");
  await expect(page.locator(".connection")).toHaveText("Live");
});

test("a browser whose clock is wrong shows the same", async ({ page, world }) => {
  const [person, slug] = await withLink(world);
  await page.clock.install({ time: Date.now() + 7 * 60_000 });
  await enter(page, world, person, "/live");
  const rows = page.getByRole("list", { name: "Clicks, newest first" }).getByRole("button");
  await expect(rows).toHaveCount(1);
  await world.click(slug);
  await expect(rows).toHaveCount(2);
  await expect(page.locator(".now-largest")).toHaveText("2");
});
