// The one WebSocket of a workspace's pages. It reconnects for ever, each time with a fresh token,
// and a subscription goes on after the last cursor it was given: nothing is missed or repeated.
import { type Client, createClient } from "graphql-ws";
import type { Access } from "../session/access";
import { ENDPOINT } from "./anonymous";
import { Failure, failureOf, isPassing } from "./failure";

export type Connection = "connecting" | "live" | "reconnecting";

interface Result {
  data?: Record<string, unknown> | null;
}

interface Payload {
  query: string;
  variables: Record<string, unknown>;
}

interface Sink {
  next: (result: Result) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

export interface Socket {
  connection: () => Connection;
  /** Calls back on every change; returns how to stop that. */
  listen: (listener: () => void) => () => void;
  /** Returns how to end it. */
  subscribe: (payload: Payload, sink: Sink) => () => void;
}

const PING_EVERY = 10_000;
/** How long a socket that nobody listens to stays open: the next page takes it over. */
const BETWEEN_PAGES = 5_000;
const LONGEST_PAUSE = 10_000;
/** A subscription that was refused and then is not, for so long, is on its way again. */
const SETTLED = 2_000;
const NORMAL_CLOSURE = 1_000;

export function openSocket(access: Access): Socket {
  let connection: Connection = "connecting";
  const listeners = new Set<() => void>();
  const change = (to: Connection) => {
    connection = to;
    for (const listener of listeners) listener();
  };
  const client = connect(access, change);
  return {
    connection: () => connection,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    subscribe: (payload, sink) => subscribe(client, payload, sink, change),
  };
}

function connect(access: Access, change: (to: Connection) => void): Client {
  let pong: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: new URL(ENDPOINT, location.href).href.replace(/^http/, "ws"),
    keepAlive: PING_EVERY,
    lazyCloseTimeout: BETWEEN_PAGES,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (retries) => wait(pause(retries)),
    connectionParams: async () => ({ authorization: `Bearer ${await token(access)}` }),
    on: {
      connected: () => change("live"),
      closed: (event) => {
        clearTimeout(pong);
        // Closed by ourselves, since no page listens any more.
        const ours = (event as CloseEvent).code === NORMAL_CLOSURE;
        change(ours ? "connecting" : "reconnecting");
      },
      error: () => change("reconnecting"),
      // A connection that is half open is found by the missing pong.
      ping: (received) => {
        if (!received) pong = setTimeout(() => client.terminate(), PING_EVERY / 2);
      },
      pong: (received) => {
        if (received) clearTimeout(pong);
      },
    },
  });
  return client;
}

/**
 * graphql-ws writes the payload anew at each reconnect, so the cursor of the last event is kept in
 * its variables. What the server refuses for the moment (its database is away, say), or answers in
 * part only, is asked for again from that cursor; any other refusal is the sink's.
 */
function subscribe(
  client: Client,
  payload: Payload,
  sink: Sink,
  change: (to: Connection) => void,
): () => void {
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let refusals = 0;
  const begin = () => {
    if (refusals > 0) timer = setTimeout(() => change("live"), SETTLED);
    stop = client.subscribe<Record<string, unknown>>(payload, {
      next(result) {
        if (result.errors) return again();
        if (refusals > 0) change("live");
        refusals = 0;
        resumeAfter(payload, result.data);
        sink.next({ data: result.data ?? null });
      },
      error(error) {
        const refused = Array.isArray(error) && isPassing(failureOf({ graphQLErrors: error }));
        if (refused) again();
        else sink.error(error);
      },
      complete: () => sink.complete(),
    });
  };
  const again = () => {
    clearTimeout(timer);
    stop();
    change("reconnecting");
    timer = setTimeout(begin, pause(refusals));
    refusals += 1;
  };
  begin();
  return () => {
    clearTimeout(timer);
    stop();
  };
}

function resumeAfter(payload: Payload, data: unknown): void {
  for (const event of Object.values((data ?? {}) as Record<string, unknown>)) {
    const cursor = (event as { cursor?: unknown } | null)?.cursor;
    if (typeof cursor === "string") payload.variables["after"] = cursor;
  }
}

/** A fresh token, however long the server is away: what this throws closes the socket for good. */
async function token(access: Access): Promise<string> {
  for (;;) {
    try {
      return await access.fresh();
    } catch (error) {
      if (error instanceof Failure && error.code === "UNAUTHENTICATED") throw error;
      await wait(1_000);
    }
  }
}

/** Doubled each time, and spread, so that not all browsers come back at once. */
function pause(retries: number): number {
  return Math.min(LONGEST_PAUSE, 250 * 2 ** retries) * (0.5 + Math.random() / 2);
}

function wait(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
