import { expect, test } from "vitest";
import { csv } from "./download";
import { gridLines, labelled } from "./scale";

test("five lines from zero at round values", () => {
  expect(gridLines(0, true)).toEqual([0, 1, 2, 3, 4]);
  expect(gridLines(0, false)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect(gridLines(3, true)).toEqual([0, 1, 2, 3, 4]);
  expect(gridLines(37, true)).toEqual([0, 10, 20, 30, 40]);
  expect(gridLines(1_284, true)).toEqual([0, 400, 800, 1_200, 1_600]);
  for (const most of [0.031, 0.5, 7, 99, 12_345, 1e9]) {
    const lines = gridLines(most, most > 1);
    expect(lines.at(-1), String(most)).toBeGreaterThanOrEqual(most);
  }
});

test("labels are evenly apart and never too many", () => {
  expect(labelled(30, 10)).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
  expect(labelled(3, 10)).toEqual([0, 1, 2]);
  expect(labelled(0, 10)).toEqual([]);
});

test("a file for spreadsheets quotes what must be quoted and runs nothing", () => {
  expect(csv([["a,b", 'say "x"', "two\nlines", 1.5, null]])).toBe('"a,b","say ""x""","two\nlines",1.5,\r\n');
  expect(csv([["=1+1", "-2", "@x", "+49"]])).toBe("'=1+1,'-2,'@x,'+49\r\n");
});
