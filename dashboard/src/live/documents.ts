// What the live pages ask for. The series' cursor is where the subscription goes on, so that every
// click is in exactly one of the two.
import { graphql } from "../generated";

export const ClickFields = graphql(`
  fragment ClickFields on Click {
    id
    occurredAt
    link { id slug title shortUrl }
    linkVersion
    outcome
    status
    method
    url
    targetUrl
    verdict
    verdictReason { code message }
    country
    region
    city
    browser
    browserVersion
    os
    osVersion
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
      gap { dropped }
    }
  }
`);

/** The same, for whoever only wants to know that something happened. */
export const LiveSignal = graphql(`
  subscription LiveSignal($after: String) { clicks(after: $after) { cursor } }
`);

export const LastHour = graphql(`
  query LastHour($filter: ClickFilter!) {
    clickSeries(filter: $filter, bucket: MINUTE) {
      points { start clicks }
      liveCursor
    }
    clicks(first: 30) { nodes { ...ClickFields } }
  }
`);

export const LinkClicks = graphql(`
  query LinkClicks($filter: ClickFilter!) {
    clicks(filter: $filter, order: STORED, first: 1) { nodes { ...ClickFields } }
  }
`);

export const LinkCursor = graphql(`
  query LinkCursor($filter: ClickFilter!) { clickTotals(filter: $filter) { liveCursor } }
`);
