// The client of whoever is not signed in.
import { Client, fetchExchange } from "@urql/core";

export const ENDPOINT = "/graphql";

export const anonymous = new Client({ url: ENDPOINT, preferGetMethod: false, exchanges: [fetchExchange] });
