// Are we above or below usual? Six figures, the chosen one over time, and who it is made of.
import { useCallback, useState } from "react";
import { useSearchParams } from "react-router";
import { useQuery } from "urql";
import { day, hour, shortDay, zoneName } from "../../format";
import { DataBar } from "../../frame/bar";
import { bucketOf, clickFilter, type FilterName, useView, type View } from "../../frame/view";
import { serverNow } from "../../graph/clock";
import { useClickSignal } from "../../live/use-clicks";
import { Figures } from "../../parts/figures";
import { Panel, useLoaded, useSettled } from "../../parts/panel";
import { PlacesNote } from "../../parts/places-note";
import { SeriesChart } from "../../parts/series-chart";
import { useWorkspace } from "../../session/workspace";
import { FirstRun } from "../first-run";
import { LinkName } from "../links/documents";
import { BreakdownList, LISTS, valueName } from "./breakdown";
import * as documents from "./documents";
import {
  chartPoints,
  comparison,
  directOf,
  FIGURES,
  figures,
  MEASURES,
  phonesOf,
  seriesVariables,
} from "./figures";

/** How often new clicks make the page ask again, in milliseconds. */
const REFRESH = 4_000;
const CHART_HEIGHT = 280;
const LINKS = ["Link"];

export function OverviewPage() {
  const loaded = useLoaded(documents.Start, {}, { typenames: LINKS });
  const { data } = loaded;
  if (!data?.links || !data.clicks) {
    return (
      <Panel loaded={{ ...loaded, data: undefined }} height={400}>
        {null}
      </Panel>
    );
  }
  // Clicks stay when their links go.
  if (data.clicks.nodes.length > 0) return <Overview />;
  return <FirstRun link={data.links.nodes[0]} onDone={loaded.reload} />;
}

function Overview() {
  const [view, change] = useView();
  const filter = clickFilter(view);
  const [version, setVersion] = useState(0);
  const variables = { filter, phones: phonesOf(filter), direct: directOf(filter), compare: comparison(view) };
  const totals = useLoaded(documents.Figures, variables, { version });
  useClickSignal(totals.data?.totals?.liveCursor, REFRESH, () => setVersion((version) => version + 1));
  const shown = useSettled(view, !totals.stale);
  const nameOf = useFilterNames(view);
  const { name } = useWorkspace();
  const [chosen, choose] = useFigure();
  return (
    <>
      <title>{`Overview · ${name} · Link Logger`}</title>
      <DataBar
        title="Overview"
        view={view}
        onChange={change}
        nameOf={nameOf}
        machines={totals.data?.totals ?? undefined}
      />
      <Panel loaded={{ ...totals, data: totals.data?.totals ?? undefined }} height={96}>
        {totals.data ? (
          <Figures figures={figures(totals.data, shown)} chosen={chosen} onChoose={choose} />
        ) : null}
      </Panel>
      <Chart view={view} chosen={chosen} version={version} />
      <div className="lists">
        {LISTS.map((list) => (
          <BreakdownList key={list.dimension} {...list} view={view} version={version} onChange={change} />
        ))}
      </div>
      <PlacesNote />
    </>
  );
}

function useFigure() {
  const [params, setParams] = useSearchParams();
  const chosen = FIGURES.find((name) => name === params.get("figure")) ?? "clicks";
  const choose = (figure: string) =>
    setParams((params) => {
      params.set("figure", figure);
      if (figure === "clicks") params.delete("figure");
      return params;
    });
  return [chosen, choose] as const;
}

/** A filter's value in words; a link's name is asked for. */
function useFilterNames(view: View) {
  const link = view.filters.link;
  const [{ data }] = useQuery({ query: LinkName, variables: { id: link ?? "" }, pause: !link });
  return useCallback(
    (filter: FilterName, value: string): string => {
      if (filter === "link") return data?.link?.title ?? (data?.link ? `/${data.link.slug}` : "One link");
      const dimension = LISTS.find((list) => list.filter === filter)?.dimension;
      return (dimension && valueName(dimension, value)) ?? value;
    },
    [data],
  );
}

function Chart({ view, chosen, version }: { view: View; chosen: (typeof FIGURES)[number]; version: number }) {
  const { timeZone } = useWorkspace();
  const loaded = useLoaded(documents.Series, seriesVariables(view, chosen), { version });
  const { data } = loaded;
  const shown = useSettled({ figure: chosen, period: view.period }, !loaded.stale);
  const hours = bucketOf(shown.period) === "HOUR";
  const tick = useCallback(
    (start: number) => (hours ? hour(start, timeZone) : shortDay(start, timeZone)),
    [hours, timeZone],
  );
  const moment = useCallback(
    (start: number) =>
      `${day(start, timeZone)}, ${hours ? `${hour(start, timeZone)} ` : ""}${zoneName(start, timeZone)}`,
    [hours, timeZone],
  );
  const measure = MEASURES[shown.figure];
  return (
    <Panel loaded={{ ...loaded, data: data?.whole ?? undefined }} height={CHART_HEIGHT + 28}>
      {data?.whole ? (
        <SeriesChart
          name={measure.label}
          definition={measure.definition}
          points={chartPoints(data, shown.figure, serverNow())}
          tick={tick}
          moment={moment}
          format={measure.format}
          change={measure.change}
          whole={measure.whole}
          height={CHART_HEIGHT}
        />
      ) : null}
    </Panel>
  );
}
