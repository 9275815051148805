// The sticky bar of a data page: its title, period, comparison, filters, and who is counted. On a
// phone all but the period stands in a sheet.
import { SlidersHorizontal, X } from "lucide-react";
import { useState } from "react";
import { count, plural } from "../format";
import type { Period } from "../generated/graphql";
import { Drawer } from "../parts/drawer";
import { usePhone } from "../parts/use-phone";
import { PERIODS } from "../words";
import { FILTERS, type FilterName, type View } from "./view";

interface Props {
  title: string;
  view: View;
  onChange: (change: Partial<View>) => void;
  /** What a filter's value is called. */
  nameOf: (filter: FilterName, value: string) => string;
  /** Clicks of machines in the range, as far as they are known. */
  machines: { bots: number; suspected: number } | undefined;
}

export function DataBar(props: Props) {
  const phone = usePhone();
  const [open, setOpen] = useState(false);
  const { title, view, onChange } = props;
  const filtered = Object.keys(view.filters).length;
  return (
    <div className="bar">
      <h1>{title}</h1>
      <label>
        <span className="hidden">Period</span>
        <select
          className="select"
          value={view.period}
          onChange={(event) => onChange({ period: event.target.value as Period })}
        >
          {Object.entries(PERIODS).map(([period, { name }]) => (
            <option key={period} value={period}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {phone ? (
        <button type="button" className="toggle bar-last" onClick={() => setOpen(true)}>
          <SlidersHorizontal size={15} aria-hidden />
          {filtered > 0 ? plural(filtered, "filter") : "Filter"}
        </button>
      ) : (
        <Controls {...props} />
      )}
      {open && phone ? (
        <Drawer title="Filter" onClose={() => setOpen(false)}>
          {() => (
            <div className="sheet">
              <Controls {...props} />
              {filtered === 0 ? <p className="quiet small">Choose a row of a list to filter by it.</p> : null}
            </div>
          )}
        </Drawer>
      ) : null}
    </div>
  );
}

function Controls({ view, onChange, nameOf, machines }: Props) {
  const remove = (name: FilterName) => {
    const { [name]: _, ...filters } = view.filters;
    onChange({ filters });
  };
  const chosen = FILTERS.filter((name) => view.filters[name]);
  const suspected = machines ? `, and ${count(machines.suspected)} suspected` : "";
  return (
    <>
      <button
        type="button"
        className="toggle"
        aria-pressed={view.compare}
        disabled={view.period === "ALL"}
        onClick={() => onChange({ compare: !view.compare })}
      >
        Compare
      </button>
      {chosen.map((name) => (
        <button key={name} type="button" className="chip" onClick={() => remove(name)}>
          <span className="cut">{nameOf(name, view.filters[name] ?? "")}</span>
          <X size={13} aria-hidden />
          <span className="hidden">Remove this filter</span>
        </button>
      ))}
      <button
        type="button"
        className="toggle bar-last"
        aria-pressed={view.everyone}
        title={`${plural(machines?.bots ?? 0, "bot")}${suspected}`}
        onClick={() => onChange({ everyone: !view.everyone })}
      >
        {machines
          ? `${plural(machines.bots, "bot")} ${view.everyone ? "counted too" : "hidden"}`
          : "People only"}
      </button>
    </>
  );
}
