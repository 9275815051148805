// Sixty minutes as bars, the newest at the right.
import { plural } from "../format";

export interface Minute {
  start: number;
  clicks: number;
}

export function Strip({ minutes, label }: { minutes: readonly Minute[]; label: (start: number) => string }) {
  const most = Math.max(1, ...minutes.map((minute) => minute.clicks));
  const sum = minutes.reduce((all, minute) => all + minute.clicks, 0);
  return (
    <figure className="strip-figure">
      <div
        className="strip"
        role="img"
        aria-label={`${plural(sum, "click")} by people in the last 60 minutes`}
      >
        {minutes.map(({ start, clicks }) => (
          <span key={start} className="strip-minute" title={`${label(start)}: ${plural(clicks, "click")}`}>
            <span style={{ height: `${(clicks / most) * 100}%` }} />
          </span>
        ))}
      </div>
      <figcaption className="small quiet">
        <span>60 min ago</span>
        <span>30 min</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
