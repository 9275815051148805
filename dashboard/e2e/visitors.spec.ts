// What a real browser makes of the redirector's answers to its visitors: pages fetched ahead, one's own
// clicks, consent.
import { createServer, type Server } from "node:http";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { enter, expect, type Person, test, type World } from "./fixture";
import { freePort, until } from "./program";

const PATIENCE = 10_000;

// A server of this machine has both the page that links and the one that is linked to.
let server: Server;
let site: string;
// What the page with the link has in its head.
let rules = "";
let link = "";

test.beforeAll(async () => {
  server = createServer((request, answer) => {
    const isLanding = request.url?.startsWith("/landing") === true;
    const body = isLanding ? "<h1>Arrived</h1>" : `${rules}<a href="${link}">Go</a>`;
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><html lang=en><title>Page</title><link rel=icon href=data:,>${body}`);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  site = `http://127.0.0.1:${port}`;
});

test.afterAll(() => {
  server.close();
});

interface Click {
  outcome: string;
  verdict: string;
  status: number;
}

async function clicks(world: World, person: Person): Promise<Click[]> {
  const query = "{ clicks(order: STORED) { nodes { outcome verdict status } } }";
  const data = await world.ask<{ clicks: { nodes: Click[] } }>(query, {}, person.accessToken);
  return data.clicks.nodes;
}

async function stored(world: World, person: Person, count: number): Promise<Click[]> {
  await until(PATIENCE, `${count} clicks are stored`, async () => {
    return (await clicks(world, person)).length >= count;
  });
  return clicks(world, person);
}

async function findsNothing(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}

for (const kind of ["prefetch", "prerender"] as const) {
  test(`a link that is ${kind}ed and then followed is one click of a person`, async ({
    page,
    world,
    complaints,
  }) => {
    const person = await world.signUp();
    const { slug } = await world.link(person, { targetUrl: `${site}/landing` });
    link = `${world.program.redirect}/${slug}`;
    // A prerender must be of the page's own site: on this machine the port makes no difference to that.
    rules = `<script type="speculationrules">${JSON.stringify({ [kind]: [{ urls: [link], eagerness: "immediate" }] })}</script>`;
    await page.goto(`${site}/`);
    const ahead = await stored(world, person, 1);
    expect(ahead.map(({ outcome, status }) => [outcome, status])).toEqual([["PREVIEW", 503]]);
    await page.getByRole("link", { name: "Go" }).click();
    await expect(page.getByRole("heading", { name: "Arrived" })).toBeVisible();
    const all = await stored(world, person, 2);
    expect(all.slice(1)).toEqual([{ outcome: "REDIRECTED", verdict: "HUMAN", status: 302 }]);
    const totals = await world.ask<{ clickTotals: { clicks: number } }>(
      "{ clickTotals { clicks } }",
      {},
      person.accessToken,
    );
    expect(totals.clickTotals.clicks).toBe(1);
    // That what was fetched ahead came with 503 may stand on the console.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("503")));
  });
}

test("a browser is told that its clicks are one's own, and that they are not", async ({ page, world }) => {
  await page.goto(`${world.program.redirect}/ll-ignore`);
  await expect(page.getByText("Clicks from this browser are counted")).toBeVisible();
  await findsNothing(page);
  await page.getByRole("button", { name: "Ignore my clicks on this device" }).click();
  await expect(page.getByText("Clicks from this browser are ignored")).toBeVisible();
  await findsNothing(page);
  const [cookie] = await page.context().cookies();
  expect([cookie?.name, cookie?.value, cookie?.httpOnly, cookie?.sameSite]).toEqual([
    "ll_ignore",
    "1",
    true,
    "Lax",
  ]);
  await page.getByRole("button", { name: "Count my clicks" }).click();
  await expect(page.getByText("Clicks from this browser are counted")).toBeVisible();
  expect(await page.context().cookies()).toEqual([]);
});

test("the dashboard leads to where one's own clicks are ignored", async ({ page, context, world }) => {
  const person = await world.signUp();
  const { slug } = await world.link(person, { targetUrl: `${site}/landing` });
  await enter(page, world, person);
  await page.getByRole("button", { name: "Account" }).click();
  const [own] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("link", { name: "Ignore my clicks on this device" }).click(),
  ]);
  await own.getByRole("button", { name: "Ignore my clicks on this device" }).click();
  await expect(own.getByText("Clicks from this browser are ignored")).toBeVisible();
  await own.goto(`${world.program.redirect}/${slug}`);
  expect((await stored(world, person, 1)).map(({ verdict }) => verdict)).toEqual(["INTERNAL"]);
});

test("visitors are asked for consent once, and can take it back", async ({ page, world }) => {
  const person = await world.signUp();
  const change = "mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) { workspace { id } } }";
  const privacy = {
    consent: "REQUIRED",
    controller: "Harbour Ltd",
    policyUrl: "https://harbour.example/privacy",
  };
  await world.ask(change, { i: { privacy } }, person.accessToken);
  const { slug } = await world.link(person, { targetUrl: `${site}/landing` });
  const short = `${world.program.redirect}/${slug}`;
  await page.goto(short);
  await expect(page.getByRole("heading", { name: "Before you go on" })).toBeVisible();
  await findsNothing(page);
  const [yes, no] = await Promise.all(
    ["with recognition", "without recognition"].map((name) =>
      page.getByRole("button", { name: `Continue ${name}` }).boundingBox(),
    ),
  );
  expect([yes?.width, yes?.height]).toEqual([no?.width, no?.height]);
  await page.getByRole("button", { name: "Continue with recognition" }).click();
  await page.waitForURL(`${site}/landing`);
  await page.goto(short);
  expect(page.url()).toBe(`${site}/landing`);
  const outcomes = (await stored(world, person, 3)).map(({ outcome, status }) => [outcome, status]);
  expect(outcomes).toEqual([
    ["PREVIEW", 200],
    ["REDIRECTED", 303],
    ["REDIRECTED", 302],
  ]);
  await page.goto(`${world.program.redirect}/ll-ignore`);
  await findsNothing(page);
  await page.getByRole("button", { name: "Forget my answers" }).click();
  await expect(page.getByRole("button", { name: "Forget my answers" })).toBeHidden();
  await page.goto(short);
  await expect(page.getByRole("heading", { name: "Before you go on" })).toBeVisible();
});
