// The client of a signed-in workspace: queries and mutations with a fresh token, subscriptions over
// the socket.
import { Client, type CombinedError, fetchExchange, subscriptionExchange } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "urql";
import type { Access } from "../session/access";
import { ENDPOINT } from "./anonymous";
import { failureOf } from "./failure";
import { fetchInTime } from "./fetch";
import { openSocket, type Socket } from "./socket";

export interface Graph {
  client: Client;
  socket: Socket;
}

export function openGraph(access: Access): Graph {
  const socket = openSocket(access);
  const client = new Client({
    url: ENDPOINT,
    preferGetMethod: false,
    fetch: (input, init) => fetchSigned(access, input, init),
    exchanges: [
      cacheExchange,
      // Only for a token that the server no longer takes; a fresh one is seen to by `fetchSigned`.
      authExchange(async () => ({
        addAuthToOperation: (operation) => operation,
        didAuthError: (error: CombinedError) => failureOf(error).code === "UNAUTHENTICATED",
        // Where that fails, the operation itself tells why.
        refreshAuth: () => access.renew().then(ignore, ignore),
      })),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription(request) {
          const payload = { query: request.query ?? "", variables: { ...(request.variables as object) } };
          return {
            subscribe: (sink) => ({
              unsubscribe: socket.subscribe(payload, {
                next: ({ data }) => sink.next({ data: data ?? null }),
                error: (error) => sink.error(error),
                complete: () => sink.complete(),
              }),
            }),
          };
        },
      }),
    ],
  });
  return { client, socket };
}

/** A token that cannot be had fails the request with the reason. */
async function fetchSigned(
  access: Access,
  input: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${await access.fresh()}`);
  return fetchInTime(input, { ...init, headers });
}

function ignore(): void {}
