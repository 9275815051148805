// One ranked list of the overview, with a query of its own, and all of its values in a drawer.
import { useState } from "react";
import { country } from "../../format";
import { clickFilter, type FilterName, NONE, type View } from "../../frame/view";
import type { BreakdownQuery, Device, Dimension } from "../../generated/graphql";
import { Drawer } from "../../parts/drawer";
import { Field } from "../../parts/field";
import { Panel, useLoaded } from "../../parts/panel";
import { CsvButton, RankedList, RankedPanel, type RankedRow, type Ranking } from "../../parts/ranked-list";
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
  {
    dimension: "UTM_CAMPAIGN",
    filter: "campaign",
    title: "Campaigns",
    definition: "The utm_campaign of the short link as it was clicked, or else of its target.",
  },
];

/** Nine rows and "other". */
const HEIGHT = 10 * 36;
const ROWS = 9;
/** As many as the API gives at once. */
const ALL_ROWS = 500;

interface Props extends List {
  view: View;
  /** Raised whenever there is something new. */
  version: number;
  onChange: (change: Partial<View>) => void;
}

export function BreakdownList(props: Props) {
  const { dimension, filter, title, definition, view, version, onChange } = props;
  const loaded = useLoaded(
    Breakdown,
    { filter: clickFilter(view), dimension, search: null, first: ROWS },
    { version },
  );
  const [all, showAll] = useState(false);
  const ranking = rankingOf(loaded.data, dimension);
  const actions = ranking && ranking.total > 0 && (
    <>
      {ranking.other > 0 ? (
        <button type="button" className="link" onClick={() => showAll(true)}>
          All<span className="hidden"> {title}</span>
        </button>
      ) : null}
      <CsvButton title={title} {...ranking} />
    </>
  );
  return (
    <RankedPanel title={title} definition={definition} actions={actions}>
      <Panel loaded={{ ...loaded, data: ranking }} height={HEIGHT}>
        {ranking && ranking.rows.length > 0 ? (
          <RankedList
            {...ranking}
            chosen={view.filters[filter]}
            onChoose={(key) => onChange({ filters: withFilter(view.filters, filter, key) })}
          />
        ) : (
          <Empty view={view} onChange={onChange} />
        )}
      </Panel>
      {all ? <AllValues {...props} onClose={() => showAll(false)} /> : null}
    </RankedPanel>
  );
}

/** Every value of the dimension, to be searched. */
function AllValues({ dimension, filter, title, view, onChange, onClose }: Props & { onClose: () => void }) {
  const [search, setSearch] = useState("");
  // The database knows countries and devices by codes; all of those are here, and have names here.
  const coded = dimension === "COUNTRY" || dimension === "DEVICE";
  const asked = coded ? null : search || null;
  const variables = { filter: clickFilter(view), dimension, search: asked, first: ALL_ROWS };
  const loaded = useLoaded(Breakdown, variables);
  const ranking = found(rankingOf(loaded.data, dimension), search, coded);
  return (
    <Drawer title={title} onClose={onClose}>
      {(close) => (
        <>
          <Field label="Search" type="search" autoComplete="off" value={search} onValue={setSearch} />
          <Panel loaded={{ ...loaded, data: ranking }} height={HEIGHT}>
            {ranking ? (
              <div className="all">
                <p className="small">
                  <CsvButton title={title} {...ranking} />
                  {ranking.rows.length === ALL_ROWS ? (
                    <span className="quiet"> The {ALL_ROWS} with the most clicks.</span>
                  ) : null}
                </p>
                {ranking.rows.length === 0 ? (
                  <p className="quiet small">Nothing of that name was clicked.</p>
                ) : null}
                <RankedList
                  {...ranking}
                  chosen={view.filters[filter]}
                  onChoose={(key) => {
                    onChange({ filters: withFilter(view.filters, filter, key) });
                    close();
                  }}
                />
              </div>
            ) : null}
          </Panel>
        </>
      )}
    </Drawer>
  );
}

/** The rows that were searched for, without a row for the rest of them. */
function found(ranking: Ranking | undefined, search: string, here: boolean): Ranking | undefined {
  if (!ranking || search === "") return ranking;
  const wanted = search.toLowerCase();
  const rows = here ? ranking.rows.filter((row) => row.label.toLowerCase().includes(wanted)) : ranking.rows;
  return { ...ranking, rows, other: 0 };
}

function Empty({ view, onChange }: Pick<Props, "view" | "onChange">) {
  if (Object.keys(view.filters).length === 0)
    return <p className="quiet small ranked-empty">No clicks in this period.</p>;
  return (
    <p className="quiet small ranked-empty">
      No click matches.{" "}
      <button type="button" className="link" onClick={() => onChange({ filters: {} })}>
        Remove the filters
      </button>
    </p>
  );
}

function withFilter(filters: View["filters"], name: FilterName, value: string | undefined): View["filters"] {
  const { [name]: _, ...others } = filters;
  return value === undefined ? others : { ...others, [name]: value };
}

type Row = NonNullable<BreakdownQuery["clickBreakdown"]>["rows"][number];

function rankingOf(data: BreakdownQuery | undefined, dimension: Dimension): Ranking | undefined {
  const answer = data?.clickBreakdown;
  if (!answer) return undefined;
  return { rows: answer.rows.map((row) => ranked(row, dimension)), other: answer.other, total: answer.total };
}

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
    return { COUNTRY: "Unknown country", REFERRER: "Direct", UTM_CAMPAIGN: "No campaign" }[
      dimension as "COUNTRY"
    ];
  if (dimension === "COUNTRY") return country(value);
  if (dimension === "DEVICE") return DEVICES[value as Device];
  return undefined;
}
