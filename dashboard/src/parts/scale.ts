// Where a chart's lines and labels stand.

/** Zero and four lines above it, at round values; the last is at or above `most`. */
export function gridLines(most: number, whole: boolean): number[] {
  const step = roundUp((most > 0 ? most : 1) / 4, whole);
  return [0, 1, 2, 3, 4].map((line) => line * step);
}

function roundUp(value: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
    .map((factor) => factor * power)
    .find((candidate) => candidate >= value * 0.999_999);
  const round = step ?? value;
  return whole ? Math.max(1, Math.ceil(round)) : round;
}

/** Indices of at most `most` of `count` points, evenly apart, the first of them included. */
export function labelled(count: number, most: number): number[] {
  const every = Math.max(1, Math.ceil(count / Math.max(1, most)));
  return Array.from({ length: Math.ceil(count / every) }, (_, index) => index * every);
}
