// A verdict as a mark of its own shape and a word: never colour alone.
import type { Verdict } from "../generated/graphql";
import { VERDICTS } from "../words";

export function VerdictMark({ verdict }: { verdict: Verdict }) {
  const { name, mark } = VERDICTS[verdict];
  return (
    <span className={`verdict verdict-${mark}`}>
      <svg width="9" height="9" viewBox="0 0 9 9" aria-hidden="true">
        {mark === "human" ? <circle cx="4.5" cy="4.5" r="4" /> : null}
        {mark === "suspected" ? <path d="M4.5 0.5 8.5 8.5H0.5z" /> : null}
        {mark === "bot" ? <rect x="1" y="1" width="7" height="7" /> : null}
        {mark === "internal" ? <circle cx="4.5" cy="4.5" r="3.25" fill="none" strokeWidth="1.5" /> : null}
      </svg>
      {name}
    </span>
  );
}
