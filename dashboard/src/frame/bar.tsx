// The sticky bar of a data page: its title, period, comparison, filters, and who is counted.
import { X } from "lucide-react";
import { count } from "../format";
import type { Period } from "../generated/graphql";
import { PERIODS } from "../words";
import { FILTERS, type FilterName, type View } from "./view";

interface Props {
  title: string;
  view: View;
  onChange: (change: Partial<View>) => void;
  /** What a filter's value is called. */
  nameOf: (filter: FilterName, value: string) => string;
  /** Clicks of machines in the range, while they are hidden. */
  bots: number | undefined;
}

export function DataBar({ title, view, onChange, nameOf, bots }: Props) {
  const set = (name: FilterName) => {
    const { [name]: _, ...filters } = view.filters;
    onChange({ filters });
  };
  const chosen = FILTERS.filter((name) => view.filters[name]);
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
        <button key={name} type="button" className="chip" onClick={() => set(name)}>
          <span className="cut">{nameOf(name, view.filters[name] ?? "")}</span>
          <X size={13} aria-hidden />
          <span className="hidden">Remove this filter</span>
        </button>
      ))}
      <button
        type="button"
        className="toggle bar-last"
        aria-pressed={view.everyone}
        onClick={() => onChange({ everyone: !view.everyone })}
      >
        {view.everyone
          ? "Machines are counted too"
          : bots === undefined
            ? "People only"
            : `${count(bots)} bots hidden`}
      </button>
    </div>
  );
}
