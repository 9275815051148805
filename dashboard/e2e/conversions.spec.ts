// What the script of a link's target tells, from a page of another origin in a real browser.
import { createServer, type Server } from "node:http";
import type { Page } from "@playwright/test";
import { expect, type Person, test, type World } from "./fixture";
import { freePort, until } from "./program";

const PATIENCE = 10_000;

let server: Server;
let site: string;
// Where the page's script is.
let api = "";

test.beforeAll(async () => {
  server = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${api}; connect-src ${api}; img-src data: ${api}`;
    answer.setHeader("content-security-policy", policy);
    const body = `<h1>Arrived</h1><div style="height:5000px">Long</div><script src="${api}/e.js" defer></script>`;
    answer.end(`<!doctype html><html lang=en><title>Page</title><link rel=icon href=data:,>${body}`);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  site = `http://127.0.0.1:${port}`;
});

test.afterAll(() => {
  server.close();
});

interface Totals {
  clicks: number;
  engaged: number | null;
  conversions: number;
}

async function totals(world: World, person: Person): Promise<Totals> {
  const query = "{ conversionTotals { clicks engaged conversions } }";
  return (await world.ask<{ conversionTotals: Totals }>(query, {}, person.accessToken)).conversionTotals;
}

/** Follows a link that tells the click's id, and says what the page tells from then on. */
async function arrive(page: Page, world: World, person: Person): Promise<string[]> {
  api = world.program.api;
  const query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { slug } } }";
  const i = { targetUrl: `${site}/landing?a=1#part`, appendClickId: true };
  const made = await world.ask<{ createLink: { link: { slug: string } } }>(query, { i }, person.accessToken);
  const told: string[] = [];
  page.on("request", (request) => {
    if (request.url() === `${api}/e`) told.push(request.postData() ?? "");
  });
  await page.goto(`${world.program.redirect}/${made.createLink.link.slug}`);
  await expect(page).toHaveURL(/\/landing\?a=1&ll_click=clk_[0-9a-z]{26}#part$/);
  return told;
}

async function isEngaged(world: World, person: Person): Promise<void> {
  await until(PATIENCE, "the click is engaged", async () => (await totals(world, person)).engaged === 1);
}

test("a visitor who does something is told of once, without a cookie", async ({ page, context, world }) => {
  const person = await world.signUp();
  const told = await arrive(page, world, person);
  expect(told).toEqual([]);
  await page.getByRole("heading").click();
  await isEngaged(world, person);
  await page.keyboard.press("a");
  await page.mouse.wheel(0, 4_000);
  await until(PATIENCE, "the page has scrolled", () => page.evaluate(() => scrollY > 2_000));
  const id = new URL(page.url()).searchParams.get("ll_click");
  expect(told).toEqual([id]);
  expect(await context.cookies()).toEqual([]);
  expect(await page.evaluate(() => [localStorage.length, sessionStorage.length])).toEqual([0, 0]);
});

test("scrolling past a quarter of the page is staying", async ({ page, world }) => {
  const person = await world.signUp();
  const told = await arrive(page, world, person);
  await page.evaluate(() => scrollTo(0, 300));
  await until(PATIENCE, "the page has scrolled", () => page.evaluate(() => scrollY === 300));
  expect(told).toEqual([]);
  await page.evaluate(() => scrollTo(0, 2_500));
  await isEngaged(world, person);
});

test("ten seconds in view are staying", async ({ page, world }) => {
  const person = await world.signUp();
  await page.clock.install();
  const told = await arrive(page, world, person);
  await page.clock.runFor(9_000);
  expect(told).toEqual([]);
  await page.clock.runFor(1_100);
  await isEngaged(world, person);
});

test("who objects to being followed is not told of", async ({ page, world }) => {
  const person = await world.signUp();
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { value: true });
  });
  const told = await arrive(page, world, person);
  await page.getByRole("heading").click();
  await page.keyboard.press("a");
  // What the page would have told stands before this in the same connection's order.
  await page.evaluate(
    ([url]) =>
      new Promise((resolve) => {
        const dot = new Image();
        dot.onload = resolve;
        dot.src = `${url}&name=seen`;
      }),
    [`${api}/c.gif?ll_click=${new URL(page.url()).searchParams.get("ll_click")}`],
  );
  await until(PATIENCE, "the pixel has told", async () => (await totals(world, person)).conversions === 1);
  expect(told).toEqual([]);
  expect((await totals(world, person)).engaged).toBe(null);
});
