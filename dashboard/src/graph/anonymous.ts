// The client of whoever is not signed in.
import { Client, fetchExchange } from "@urql/core";
import { fetchInTime } from "./fetch";

export const ENDPOINT = "/graphql";

export const anonymous = new Client({
  url: ENDPOINT,
  preferGetMethod: false,
  fetch: fetchInTime,
  exchanges: [fetchExchange],
});
