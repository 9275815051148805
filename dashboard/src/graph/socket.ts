// The one WebSocket of a workspace's pages. It reconnects for ever, each time with a fresh token,
// and a subscription goes on after the last cursor it was given: nothing is missed or repeated.
import { type Client, createClient } from "graphql-ws";
import type { Access } from "../session/access";
import { ENDPOINT } from "./anonymous";
import { Failure } from "./failure";

export type Connection = "connecting" | "live" | "reconnecting";

const PING_EVERY = 10_000;
const MOST_WAIT = 10_000;
const NORMAL_CLOSURE = 1_000;

export interface Socket {
  client: Client;
  connection: () => Connection;
  /** Calls back on every change; returns how to stop that. */
  listen: (listener: () => void) => () => void;
}

export function openSocket(access: Access): Socket {
  let connection: Connection = "connecting";
  const listeners = new Set<() => void>();
  const change = (to: Connection) => {
    connection = to;
    for (const listener of listeners) listener();
  };
  let pong: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: new URL(ENDPOINT, location.href).href.replace(/^http/, "ws"),
    keepAlive: PING_EVERY,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (retries) => wait(Math.min(MOST_WAIT, 250 * 2 ** retries) * (0.5 + Math.random() / 2)),
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
  return {
    client,
    connection: () => connection,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A fresh token, however long the server is away: what this throws ends a subscription for good. */
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

function wait(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

interface Payload {
  query: string;
  variables: Record<string, unknown>;
}

/**
 * Keeps the cursor of the last event in the payload's variables. graphql-ws writes the payload anew
 * at each reconnect, so that a subscription with `$after` resumes where it was.
 */
export function resumeAfter(payload: Payload, data: unknown): void {
  for (const event of Object.values((data ?? {}) as Record<string, unknown>)) {
    const cursor = (event as { cursor?: unknown } | null)?.cursor;
    if (typeof cursor === "string") payload.variables["after"] = cursor;
  }
}
