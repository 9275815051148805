// The client of a signed-in workspace: queries and mutations with a fresh token, subscriptions over
// the socket.
import { Client, type CombinedError, fetchExchange, subscriptionExchange } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { cacheExchange } from "urql";
import type { Access } from "../session/access";
import { ENDPOINT } from "./anonymous";
import { failureOf } from "./failure";
import { openSocket, resumeAfter, type Socket } from "./socket";

export interface Graph {
  client: Client;
  socket: Socket;
}

export function openGraph(access: Access): Graph {
  const socket = openSocket(access);
  const client = new Client({
    url: ENDPOINT,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      authExchange(async (utilities) => ({
        addAuthToOperation: (operation) =>
          utilities.appendHeaders(operation, { authorization: `Bearer ${access.current}` }),
        willAuthError: (operation) => operation.kind !== "subscription" && !access.isFresh,
        didAuthError: (error: CombinedError) =>
          error.graphQLErrors.length > 0 && failureOf(error).code === "UNAUTHENTICATED",
        // A server that does not answer is told by the operation itself.
        refreshAuth: () => access.renew().then(ignore, ignore),
      })),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription(request) {
          const payload = { query: request.query ?? "", variables: { ...(request.variables as object) } };
          return {
            subscribe: (sink) => ({
              unsubscribe: socket.client.subscribe<Record<string, unknown>>(payload, {
                next(result) {
                  resumeAfter(payload, result.data);
                  sink.next({
                    data: result.data ?? null,
                    ...(result.errors ? { errors: [...result.errors] } : {}),
                  });
                },
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

function ignore(): void {}
