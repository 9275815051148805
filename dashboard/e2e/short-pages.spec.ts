// The redirector's own pages in a real browser, under their own content policies.
import { createServer, type Server } from "node:http";
import { expect, test } from "./fixture";
import { freePort } from "./program";

// A page of this machine stands for the target, so that nothing outside is opened. (A page's own
// routes do not catch where a redirect leads.)
let server: Server;
let target: string;

test.beforeAll(async () => {
  const page = "<!doctype html><title>Landing</title><link rel=icon href=data:,><h1>Arrived</h1>";
  server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  target = `http://127.0.0.1:${port}/landing`;
});

test.afterAll(() => {
  server.close();
});

test("a password is asked for until it is right, and then leads on", async ({ page, world, complaints }) => {
  const person = await world.signUp();
  const link = await world.link(person, { targetUrl: target, password: "open sesame" });
  await page.goto(`${world.program.redirect}/${link.slug}`);
  const field = page.getByLabel("Password");
  await expect(field).toBeFocused();
  await field.fill("open barley");
  await page.getByRole("button", { name: "Open" }).click();
  await expect(page.getByText("That was not the right password. Try again.")).toBeVisible();
  // The browser says of the page that its status is 403; that is no complaint about the page.
  expect(complaints.splice(0).filter((text) => !text.includes("403"))).toEqual([]);
  await field.fill("open sesame");
  await page.keyboard.press("Enter");
  await page.waitForURL(target);
  await expect(page.getByRole("heading", { name: "Arrived" })).toBeVisible();
});

test("a preview says where a link leads, leads there, and takes a report", async ({ page, world }) => {
  const person = await world.signUp();
  const link = await world.link(person, { targetUrl: target, title: "<b>Spring</b>" });
  await page.goto(`${world.program.redirect}/${link.slug}+`);
  await expect(page.getByRole("heading", { name: new URL(target).host })).toBeVisible();
  await expect(page.getByText("<b>Spring</b>")).toBeVisible();
  await page.getByRole("link", { name: "Open the link" }).click();
  await page.waitForURL(target);
  await page.goBack();
  await page.getByText("Report this link").click();
  await page.getByLabel("It leads to a harmful program").check();
  await page.getByLabel("More about it").fill("It wanted to be installed.");
  await page.getByRole("button", { name: "Send the report" }).click();
  await expect(page.getByRole("heading", { name: "Thank you" })).toBeVisible();
  const query = "{ linkReports { nodes { reason text link { slug } } } }";
  const reports = await world.ask<{ linkReports: { nodes: object[] } }>(query, {}, person.accessToken);
  expect(reports.linkReports.nodes).toEqual([
    { reason: "MALWARE", text: "It wanted to be installed.", link: { slug: link.slug } },
  ]);
});

test("a QR code is a picture", async ({ page, world }) => {
  const link = await world.link(await world.signUp(), { targetUrl: "https://example.com/" });
  for (const kind of ["svg", "png"]) {
    await page.goto(`${world.program.redirect}/${link.slug}/qr.${kind}?size=300&logo=1`);
    const size = await page.evaluate(() => {
      const picture = document.querySelector("img, svg");
      return picture?.getBoundingClientRect().width;
    });
    expect(size).toBe(300);
  }
});
