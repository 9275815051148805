// Values by clicks: the bar lies behind the text, count and share stand at the right, and what is
// not listed is one row, "other". A row chosen becomes a filter.
import type { ReactNode } from "react";
import { count, exactly, percent } from "../format";
import { downloadCsv } from "./download";

export interface RankedRow {
  key: string;
  label: string;
  /** A second word after the label, such as a slug. */
  detail?: string | undefined;
  clicks: number;
  share: number;
}

export interface Ranking {
  rows: readonly RankedRow[];
  other: number;
  total: number;
}

interface Props extends Ranking {
  /** The chosen row, if any. */
  chosen?: string | undefined;
  onChoose: (key: string | undefined) => void;
}

/** A list's place on a page: its title, what stands in the title's line, and what is below. */
export function RankedPanel({
  title,
  definition,
  actions,
  children,
}: {
  title: string;
  /** What the list is, in one sentence. */
  definition: string;
  actions: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="ranked" aria-label={title}>
      <header>
        <h2 title={definition}>{title}</h2>
        <span className="ranked-actions small">{actions}</span>
      </header>
      {children}
    </section>
  );
}

export function RankedList({ rows, other, total, chosen, onChoose }: Props) {
  const most = Math.max(1, ...rows.map((row) => row.clicks), other);
  const width = (clicks: number) => ({ width: `${(clicks / most) * 100}%` });
  return (
    <ol>
      {rows.map((row) => (
        <li key={row.key}>
          <button
            type="button"
            className="ranked-row"
            aria-pressed={chosen === row.key}
            onClick={() => onChoose(chosen === row.key ? undefined : row.key)}
          >
            <span className="ranked-bar" style={width(row.clicks)} />
            <span className="ranked-label cut">
              {row.label}
              {row.detail ? <span className="quiet mono"> {row.detail}</span> : null}
            </span>
            <span className="ranked-count" title={exactly(row.clicks)}>
              {count(row.clicks)}
            </span>
            <span className="ranked-share quiet">{percent(row.share)}</span>
          </button>
        </li>
      ))}
      {other > 0 ? (
        <li className="ranked-row ranked-other">
          <span className="ranked-bar" style={width(other)} />
          <span className="ranked-label quiet">other</span>
          <span className="ranked-count">{count(other)}</span>
          <span className="ranked-share quiet">{percent(total ? other / total : 0)}</span>
        </li>
      ) : null}
    </ol>
  );
}

export function CsvButton({ title, rows, other, total }: Ranking & { title: string }) {
  const save = () =>
    downloadCsv(title.toLowerCase(), [
      [title, "Clicks", "Share"],
      ...rows.map((row) => [row.detail ? `${row.label} (${row.detail})` : row.label, row.clicks, row.share]),
      ["other", other, total ? other / total : 0],
    ]);
  return (
    <button type="button" className="link" onClick={save}>
      CSV<span className="hidden"> of {title}</span>
    </button>
  );
}
