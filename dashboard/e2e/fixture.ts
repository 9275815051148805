// What every test has: a running program, a person signed up in it, and a page that may say nothing
// on the console and break no content policy.
import { randomUUID } from "node:crypto";
import { test as base, expect, type Page } from "@playwright/test";
import { type Program, startProgram } from "./program";

export { expect };

export interface Person {
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  workspace: { slug: string };
}

export interface Visit {
  agent?: string;
  /** An address of the country, as the free database has it. */
  from?: string;
  referrer?: string;
}

export const GERMANY = "91.0.0.1";
export const CURL = "curl/8.5.0";
export const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
export const DESKTOP =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36";

export class World {
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  async ask<Data>(query: string, variables: object, token?: string): Promise<Data> {
    const answer = await fetch(`${this.program.api}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }

  async signUp(workspaceName = "Harbour"): Promise<Person> {
    const [email, password] = [`${randomUUID()}@example.com`, "correct horse battery"];
    const query =
      "mutation($i: SignUpInput!) { signUp(input: $i) { accessToken refreshToken workspace { slug } } }";
    const i = { email, password, workspaceName, timeZone: "Europe/Berlin" };
    const { signUp } = await this.ask<{ signUp: Omit<Person, "email" | "password"> }>(query, { i });
    return { email, password, ...signUp };
  }

  async link(
    person: Person,
    input: { targetUrl: string; slug?: string; title?: string; password?: string },
  ): Promise<{ id: string; slug: string }> {
    const query = "mutation($i: CreateLinkInput!) { createLink(input: $i) { link { id slug } } }";
    const data = await this.ask<{ createLink: { link: { id: string; slug: string } } }>(
      query,
      { i: input },
      person.accessToken,
    );
    return data.createLink.link;
  }

  async click(slug: string, { agent = DESKTOP, from, referrer }: Visit = {}): Promise<void> {
    const answer = await fetch(`${this.program.redirect}/${slug}`, {
      redirect: "manual",
      headers: {
        "user-agent": agent,
        ...(from ? { "x-forwarded-for": from } : {}),
        ...(referrer ? { referer: referrer } : {}),
      },
    });
    expect(answer.status).toBe(302);
  }
}

/** Signs in by the link that works once. */
export async function enter(
  page: Page,
  world: World,
  person: Person,
  path = "",
  api = world.program.api,
): Promise<void> {
  await page.goto(`${api}/enter#${person.refreshToken}`);
  await page.waitForURL(`**/w/${person.workspace.slug}**`);
  if (path) await page.goto(`${api}/w/${person.workspace.slug}${path}`);
}

export const test = base.extend<{ complaints: string[] }, { world: World }>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: the form that Playwright wants
    async ({}, use) => {
      const program = await startProgram();
      await use(new World(program));
      await program.stop();
    },
    { scope: "worker" },
  ],
  // What the browser complained of on any page; a test that expects something takes it out.
  complaints: [
    async ({ context }, use) => {
      const complaints: string[] = [];
      context.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      context.on("weberror", (error) => complaints.push(String(error.error())));
      await use(complaints);
      expect(complaints, "what the browser complained of").toEqual([]);
    },
    { auto: true },
  ],
});
