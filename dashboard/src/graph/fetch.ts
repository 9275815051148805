// How requests are sent: with a deadline, and each answer tells the server's time.
import { noteServerTime } from "./clock";

/** The server itself gives up after 15 seconds. */
const DEADLINE = 20_000;

export async function fetchInTime(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE);
  const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
  const answer = await fetch(input, { ...init, signal });
  noteServerTime(answer.headers.get("date"));
  return answer;
}
