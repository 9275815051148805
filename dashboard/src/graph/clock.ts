// The server's time, by which clicks are dated: a browser's clock may be minutes off.
const NOTABLE = 5_000;
let ahead = 0;

/** Takes note of an answer's Date header, which is exact to a second. */
export function noteServerTime(date: string | null): void {
  const server = date ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  ahead = Math.abs(difference) < NOTABLE ? 0 : difference;
}

/** Milliseconds since 1970, as the server has it. */
export function serverNow(): number {
  return Date.now() + ahead;
}
