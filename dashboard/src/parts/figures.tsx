// Figures in a line. Each is a tab: the chosen one is charted below.
import { useEffect } from "react";

export interface Figure {
  key: string;
  label: string;
  /** In one sentence. */
  definition: string;
  value: string;
  /** The value in full, where it is shortened. */
  exact?: string | undefined;
  /** In words, against the period before. */
  change?: string | undefined;
}

interface Props {
  figures: readonly Figure[];
  chosen: string;
  onChoose: (key: string) => void;
}

export function Figures({ figures, chosen, onChoose }: Props) {
  // On a phone they scroll sideways, and the chosen one may lie outside.
  useEffect(() => {
    document.getElementById(`figure-${chosen}`)?.scrollIntoView({ inline: "nearest", block: "nearest" });
  }, [chosen]);
  const move = (from: number, by: number) => {
    const next = figures[(from + by + figures.length) % figures.length];
    if (!next) return;
    onChoose(next.key);
    document.getElementById(`figure-${next.key}`)?.focus();
  };
  return (
    <div className="figures" role="tablist" aria-label="Figures">
      {figures.map((figure, index) => (
        <button
          key={figure.key}
          id={`figure-${figure.key}`}
          type="button"
          role="tab"
          className="figure"
          aria-selected={figure.key === chosen}
          aria-controls="figure-chart"
          tabIndex={figure.key === chosen ? 0 : -1}
          title={figure.definition}
          onClick={() => onChoose(figure.key)}
          onKeyDown={(event) => {
            if (event.key === "ArrowRight") move(index, 1);
            if (event.key === "ArrowLeft") move(index, -1);
          }}
        >
          <span className="figure-label">{figure.label}</span>
          <span className="figure-value" title={figure.exact}>
            {figure.value}
          </span>
          <span className="figure-change">{figure.change ?? " "}</span>
        </button>
      ))}
    </div>
  );
}
