// What the live pages ask for.
import { graphql } from "../generated";

export const ClickFields = graphql(`
  fragment ClickFields on Click {
    id
    occurredAt
    link { id slug title shortUrl }
    linkVersion
    outcome
    status
    url
    targetUrl
    verdict
    verdictReason { code message }
    country
    city
    browser
    browserVersion
    os
    device
    language
    userAgent
    referrer
    referrerHost
    utm { source medium campaign term content }
    parameters { key value }
    network
    redirectMicros
  }
`);

export const LiveClicks = graphql(`
  subscription LiveClicks($filter: ClickFilter, $after: String) {
    clicks(filter: $filter, after: $after) {
      cursor
      click { ...ClickFields }
    }
  }
`);

/** The same, for whoever only wants to know that something happened. */
export const LiveSignal = graphql(`
  subscription LiveSignal($after: String) { clicks(after: $after) { cursor } }
`);

/** The last hour by minute, and the head of what was counted: the subscription goes on from there. */
export const LastHour = graphql(`
  query LastHour($filter: ClickFilter!) {
    clickSeries(filter: $filter, bucket: MINUTE) {
      points { start clicks }
      liveCursor
    }
  }
`);

/** Asked for after the head is known, so that no click is in neither; the stream leaves out what is in both. */
export const NewestClicks = graphql(`
  query NewestClicks { clicks(first: 30) { nodes { ...ClickFields } } }
`);

export const Head = graphql(`
  query Head { clickTotals { liveCursor } }
`);

export const FirstClick = graphql(`
  query FirstClick { clicks(order: STORED, first: 1) { nodes { ...ClickFields } } }
`);
