import { expect, test } from "vitest";
import { clickFilter, NONE, parseView, viewParams } from "./view";

test("an address and back", () => {
  for (const text of [
    "",
    "period=today",
    "compare=no&show=everyone&link=lnk_1&referrer=~&country=DE&device=MOBILE",
  ]) {
    expect(viewParams(parseView(new URLSearchParams(text))).toString()).toBe(
      new URLSearchParams(text).toString(),
    );
  }
});

test("what is no part of the view stays in the address", () => {
  const params = new URLSearchParams("figure=bots&country=DE");
  expect(viewParams({ ...parseView(params), filters: {} }, params).toString()).toBe("figure=bots");
});

test("what is no period is the usual one", () => {
  expect(parseView(new URLSearchParams("period=toString")).period).toBe("LAST_30_DAYS");
});

test("the filter of the API: people unless everyone is asked for, and no value is null", () => {
  const view = parseView(new URLSearchParams(`period=yesterday&referrer=${NONE}&country=DE`));
  expect(clickFilter(view)).toEqual({ period: "YESTERDAY", referrers: [null], countries: ["DE"] });
  expect(clickFilter({ ...view, everyone: true }).verdicts).toHaveLength(4);
});
