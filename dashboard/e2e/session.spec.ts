// Signing in and out, and a session that outlives its tokens.
import { enter, expect, test } from "./fixture";

test("signing out leads to the sign-in, and signing in back to where one was", async ({ page, world }) => {
  const person = await world.signUp();
  const { slug } = person.workspace;
  await enter(page, world, person, "/links");
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(new RegExp(`/w/${slug}/links$`));
});

test("signing out in one tab ends the others", async ({ page, context, world }) => {
  const person = await world.signUp();
  await enter(page, world, person, "/links");
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByText("No links yet.")).toBeVisible();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(other.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("an address of somebody else's page does not lead away from here", async ({ page, world }) => {
  const person = await world.signUp();
  await page.goto(`${world.program.api}/sign-in?next=https://evil.example/`);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(`${world.program.api}/w/${person.workspace.slug}`);
});

test("a link that signs in does so once", async ({ page, world }) => {
  const person = await world.signUp();
  await enter(page, world, person);
  await expect(page.getByRole("heading", { name: "Paste a link" })).toBeVisible();
  expect(page.url()).not.toContain(person.refreshToken);
  // Opened again in the same browser it only leads there, and the session lives on.
  await page.goto("about:blank");
  await enter(page, world, person);
  await page.reload();
  await expect(page.getByRole("heading", { name: "Paste a link" })).toBeVisible();
  await page.goto(`${world.program.api}/enter#never-was-one`);
  await expect(page.getByRole("heading", { name: "This link no longer signs in" })).toBeVisible();
});

test("a link into another workspace asks first", async ({ page, world }) => {
  const [ada, eve] = [await world.signUp("Ada's"), await world.signUp("Eve's")];
  await enter(page, world, ada);
  await page.goto("about:blank");
  await page.goto(`${world.program.api}/enter#${eve.refreshToken}`);
  await expect(page.getByRole("heading", { name: "Open Eve's?" })).toBeVisible();
  await page.getByRole("link", { name: "Stay here" }).click();
  await expect(page).toHaveURL(new RegExp(ada.workspace.slug));
});

test("the session goes on over reloads, tabs and the end of its access token", async ({
  page,
  context,
  world,
}) => {
  await page.clock.install();
  const person = await world.signUp();
  await enter(page, world, person, "/links");
  await expect(page.getByText("No links yet.")).toBeVisible();
  await page.reload();
  await expect(page.getByText("No links yet.")).toBeVisible();
  // Two tabs at once, each with the same refresh token at hand: it is spent by one of them only.
  const spent: string[] = [];
  context.on("request", (request) => {
    const token = /ll_refresh_[\w-]+/.exec(request.postData() ?? "")?.[0];
    if (token) spent.push(token);
  });
  const other = await context.newPage();
  await Promise.all([page.reload(), other.goto(page.url())]);
  await expect(page.getByText("No links yet.")).toBeVisible();
  await expect(other.getByText("No links yet.")).toBeVisible();
  expect(spent.length).toBe(2);
  expect(new Set(spent).size).toBe(2);
  const renewed = page.waitForRequest((request) => request.postData()?.includes("RefreshSession") === true);
  await page.clock.fastForward("20:00");
  await page.getByRole("link", { name: "Overview" }).click();
  await renewed;
  await expect(page.getByRole("heading", { name: "Paste a link" })).toBeVisible();
});

test("two workspaces are open side by side", async ({ page, context, world }) => {
  const [ada, eve] = [await world.signUp("Ada's"), await world.signUp("Eve's")];
  await enter(page, world, ada);
  const other = await context.newPage();
  await other.goto(`${world.program.api}/enter#${eve.refreshToken}`);
  await other.getByRole("button", { name: "Open it" }).click();
  await page.reload();
  await expect(page).toHaveURL(new RegExp(ada.workspace.slug));
  await expect(page.getByText("Ada's", { exact: true })).toBeVisible();
  await expect(other.getByText("Eve's", { exact: true })).toBeVisible();
});
