// One ranked list of the overview, with a query of its own.
import { country } from "../../format";
import { clickFilter, type FilterName, NONE, type View } from "../../frame/view";
import type { BreakdownQuery, Device, Dimension } from "../../generated/graphql";
import { Panel, useLoaded } from "../../parts/panel";
import { RankedList, type RankedRow } from "../../parts/ranked-list";
import { DEVICES } from "../../words";
import { Breakdown } from "./documents";

interface List {
  dimension: Dimension;
  filter: FilterName;
  title: string;
  definition: string;
}

export const LISTS: readonly List[] = [
  { dimension: "LINK", filter: "link", title: "Links", definition: "The links that were clicked most." },
  {
    dimension: "REFERRER",
    filter: "referrer",
    title: "Sources",
    definition: "The hosts of the pages that clicks came from.",
  },
  {
    dimension: "COUNTRY",
    filter: "country",
    title: "Countries",
    definition: "Where the visitors' networks are registered.",
  },
  {
    dimension: "DEVICE",
    filter: "device",
    title: "Devices",
    definition: "The class of the visitors' devices.",
  },
];

/** Nine rows, "other" and the title. */
const HEIGHT = 11 * 36;

interface Props extends List {
  view: View;
  /** Raised whenever there is something new. */
  version: number;
  onChange: (change: Partial<View>) => void;
}

export function BreakdownList({ dimension, filter, title, definition, view, version, onChange }: Props) {
  const loaded = useLoaded(Breakdown, { filter: clickFilter(view), dimension }, version);
  const answer = loaded.data?.clickBreakdown;
  return (
    <Panel loaded={{ ...loaded, data: answer ?? undefined }} height={HEIGHT}>
      <RankedList
        title={title}
        definition={definition}
        rows={answer ? answer.rows.map((row) => ranked(row, dimension)) : []}
        other={answer?.other ?? 0}
        total={answer?.total ?? 0}
        empty={
          Object.keys(view.filters).length > 0
            ? "No click matches the filters above."
            : "No clicks in this period."
        }
        chosen={view.filters[filter]}
        onChoose={(key) => onChange({ filters: without(view.filters, filter, key) })}
      />
    </Panel>
  );
}

function without(filters: View["filters"], name: FilterName, value: string | undefined): View["filters"] {
  const { [name]: _, ...others } = filters;
  return value === undefined ? others : { ...others, [name]: value };
}

type Row = NonNullable<BreakdownQuery["clickBreakdown"]>["rows"][number];

function ranked({ value, label, clicks, share, link }: Row, dimension: Dimension): RankedRow {
  const key = value ?? NONE;
  if (dimension === "LINK" && link) {
    return {
      key,
      label: link.title ?? `/${link.slug}`,
      detail: link.title ? `/${link.slug}` : undefined,
      clicks,
      share,
    };
  }
  return { key, label: valueName(dimension, key) ?? label, clicks, share };
}

/** What a value is called, where the API's own label is a code. */
export function valueName(dimension: Dimension, value: string): string | undefined {
  if (value === NONE)
    return { COUNTRY: "Unknown country", REFERRER: "Direct" }[dimension as "COUNTRY" | "REFERRER"];
  if (dimension === "COUNTRY") return country(value);
  if (dimension === "DEVICE") return DEVICES[value as Device];
  return undefined;
}
