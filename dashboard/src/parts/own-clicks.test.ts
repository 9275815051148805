import { expect, test } from "vitest";
import type { LinkHostsQuery } from "../generated/graphql";
import { originsOf } from "./own-clicks";

const hosts = (urls: string[], domains: [string, string][]) =>
  originsOf({
    links: { nodes: urls.map((shortUrl) => ({ id: shortUrl, shortUrl })) },
    domains: domains.map(([host, status]) => ({ id: host, host, status })),
  } as LinkHostsQuery);

test("each host of links is named once, with its scheme and port", () => {
  const urls = ["http://127.0.0.1:8081/a", "https://go.example/b", "http://127.0.0.1:8081/c"];
  expect(hosts(urls, [])).toEqual(["http://127.0.0.1:8081", "https://go.example"]);
});

test("domains without links yet are named too, and only those that serve any", () => {
  const domains: [string, string][] = [
    ["go.example", "VERIFIED"],
    ["sale.example", "VERIFIED"],
    ["new.example", "PENDING"],
    ["gone.example", "SUSPENDED"],
  ];
  expect(hosts(["https://go.example/b"], domains)).toEqual(["https://go.example", "https://sale.example"]);
  expect(hosts([], [])).toEqual([]);
  expect(originsOf({ links: null, domains: null } as LinkHostsQuery)).toEqual([]);
});
