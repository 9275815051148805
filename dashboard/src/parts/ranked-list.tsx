// Values by clicks: the bar lies behind the text, count and share stand at the right, and what is
// not listed is one row, "other". A row chosen becomes a filter.
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

interface Props {
  title: string;
  /** What the list is, in one sentence. */
  definition: string;
  rows: readonly RankedRow[];
  other: number;
  total: number;
  empty: string;
  /** The chosen row, if any. */
  chosen?: string | undefined;
  onChoose: (key: string | undefined) => void;
}

export function RankedList({ title, definition, rows, other, total, empty, chosen, onChoose }: Props) {
  const most = Math.max(1, ...rows.map((row) => row.clicks), other);
  const save = () =>
    downloadCsv(title.toLowerCase(), [
      [title, "Clicks", "Share"],
      ...rows.map((row) => [row.detail ? `${row.label} (${row.detail})` : row.label, row.clicks, row.share]),
      ["other", other, total ? other / total : 0],
    ]);
  return (
    <section className="ranked" aria-label={title}>
      <header>
        <h2 title={definition}>{title}</h2>
        {rows.length > 0 ? (
          <button type="button" className="link small" onClick={save}>
            CSV<span className="hidden"> of {title}</span>
          </button>
        ) : null}
      </header>
      {rows.length === 0 ? <p className="quiet small ranked-empty">{empty}</p> : null}
      <ol>
        {rows.map((row) => (
          <li key={row.key}>
            <button
              type="button"
              className="ranked-row"
              aria-pressed={chosen === row.key}
              onClick={() => onChoose(chosen === row.key ? undefined : row.key)}
            >
              <span className="ranked-bar" style={{ width: `${(row.clicks / most) * 100}%` }} />
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
            <span className="ranked-bar" style={{ width: `${(other / most) * 100}%` }} />
            <span className="ranked-label quiet">other</span>
            <span className="ranked-count">{count(other)}</span>
            <span className="ranked-share quiet">{percent(total ? other / total : 0)}</span>
          </li>
        ) : null}
      </ol>
    </section>
  );
}
