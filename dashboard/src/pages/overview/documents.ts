// What the overview asks for. Each panel has a query of its own, so that one that fails leaves the
// others standing.
import { graphql } from "../../generated";

export const Figures = graphql(`
  query Figures($filter: ClickFilter!, $phones: ClickFilter!, $direct: ClickFilter!, $compare: Compare) {
    totals: clickTotals(filter: $filter, compare: $compare) {
      clicks
      human
      suspected
      bots
      internal
      dailyUniques
      redirectMicrosP50
      liveCursor
      previous { clicks human suspected bots internal dailyUniques redirectMicrosP50 }
    }
    phones: clickTotals(filter: $phones, compare: $compare) { clicks previous { clicks } }
    direct: clickTotals(filter: $direct, compare: $compare) { clicks previous { clicks } }
  }
`);

export const Series = graphql(`
  query Series(
    $filter: ClickFilter!
    $part: ClickFilter!
    $bucket: Bucket!
    $compare: Compare
    $withPart: Boolean!
    $withLatency: Boolean!
  ) {
    whole: clickSeries(filter: $filter, bucket: $bucket, compare: $compare) {
      points { start end partial clicks dailyUniques redirectMicrosP50 @include(if: $withLatency) }
      previous { clicks dailyUniques redirectMicrosP50 @include(if: $withLatency) }
    }
    part: clickSeries(filter: $part, bucket: $bucket, compare: $compare) @include(if: $withPart) {
      points { clicks }
      previous { clicks }
    }
  }
`);

export const Breakdown = graphql(`
  query Breakdown($filter: ClickFilter!, $dimension: Dimension!, $search: String, $first: Int!) {
    clickBreakdown(filter: $filter, dimension: $dimension, search: $search, first: $first) {
      rows { value label clicks share link { id slug title } }
      other
      total
    }
  }
`);

/** Whether there is anything to look at yet. */
export const Start = graphql(`
  query Start {
    links(first: 1) { nodes { ...LinkFields } }
    clicks(first: 1) { nodes { id } }
  }
`);
