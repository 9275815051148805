// A thin line with a faint fill from zero; what is still running is dotted, the period before is
// dashed. The table behind the chart shows the same numbers.
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useShownTheme } from "../frame/theme";
import { downloadCsv } from "./download";
import { gridLines, labelled } from "./scale";

export interface ChartPoint {
  /** Milliseconds since 1970. */
  start: number;
  /** null where there is nothing to tell. */
  value: number | null;
  /** The same place in the period before. */
  before?: number | null | undefined;
  /** Whether more may come. */
  running: boolean;
}

interface Props {
  name: string;
  /** What is charted, in one sentence. */
  definition: string;
  points: readonly ChartPoint[];
  /** A point's place in time, short for the axis and in full. */
  tick: (start: number) => string;
  moment: (start: number) => string;
  format: (value: number) => string;
  /** Of a value against the one before, in words. */
  change: (now: number, before: number) => string | undefined;
  /** Whether values are whole numbers. */
  whole: boolean;
  height: number;
}

interface Hover {
  index: number;
  left: number;
}

export function SeriesChart(props: Props) {
  const { name, points, moment, format } = props;
  const [table, showTable] = useState(false);
  // Colours are read once: another theme is another plot.
  const theme = useShownTheme();
  const compared = points.some((point) => point.before != null);
  const save = () =>
    downloadCsv(name.toLowerCase().replaceAll(" ", "-"), [
      compared ? ["From", name, "Before"] : ["From", name],
      ...points.map((point) => {
        const row = [new Date(point.start).toISOString(), point.value];
        return compared ? [...row, point.before ?? null] : row;
      }),
    ]);
  return (
    <div className="chart" id="figure-chart" role="tabpanel" aria-label={`${name} over time`}>
      {table ? (
        <section
          className="chart-table"
          style={{ height: props.height }}
          tabIndex={0}
          aria-label={`${name} as a table`}
        >
          <table>
            <caption className="hidden">{name} over time</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">{name}</th>
                {compared ? <th scope="col">Before</th> : null}
              </tr>
            </thead>
            <tbody>
              {points.toReversed().map((point) => (
                <tr key={point.start}>
                  <th scope="row">{moment(point.start)}</th>
                  <td>{point.value === null ? "–" : format(point.value)}</td>
                  {compared ? (
                    <td className="quiet">{point.before == null ? "–" : format(point.before)}</td>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ) : (
        <Plot key={theme} {...props} />
      )}
      <p className="chart-actions small">
        <span className="quiet chart-definition">{props.definition}</span>
        <button type="button" className="link" onClick={() => showTable(!table)}>
          {table ? "Show the chart" : "Show as a table"}
        </button>
        <button type="button" className="link" onClick={save}>
          Download CSV
        </button>
      </p>
    </div>
  );
}

function Plot(props: Props) {
  const { points, height } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [hover, setHover] = useState<Hover>();
  // The plot lives as long as the page looks at it and reads what it shows from here, so that new
  // numbers leave the crosshair where it is.
  const shown = useRef(props);
  shown.current = props;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(
      options(element.clientWidth, height, shown, setHover),
      columns(shown.current.points),
      element,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [height]);
  useEffect(() => plot.current?.setData(columns(points)), [points]);
  return (
    <div className="plot" ref={box} style={{ height }}>
      {hover ? <Tooltip {...props} hover={hover} /> : null}
    </div>
  );
}

function options(
  width: number,
  height: number,
  shown: { readonly current: Props },
  onHover: (hover: Hover | undefined) => void,
): uPlot.Options {
  const lines = () => gridLines(highest(shown.current.points), shown.current.whole);
  const few = () => shown.current.points.length < 3;
  return {
    width,
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      // On the point that the tooltip tells of.
      move: (plot, left, top) => [left < 0 ? left : plot.valToPos(plot.posToIdx(left), "x"), top],
      points: { size: 7, fill: ink("--accent") },
      sync: { key: "charts" },
    },
    scales: { x: { time: false }, y: { range: () => [0, lines().at(-1) ?? 1] } },
    axes: [
      {
        stroke: ink("--n7"),
        font: "12px 'Inter Variable'",
        grid: { show: false },
        ticks: { show: false },
        gap: 8,
        size: 32,
        splits: (plot) => labelled(shown.current.points.length, Math.floor(plot.width / 90)),
        values: (_, splits) =>
          splits.map((index) => shown.current.tick(shown.current.points[index]?.start ?? 0)),
      },
      {
        stroke: ink("--n7"),
        font: "12px 'Inter Variable'",
        grid: { stroke: ink("--n3"), width: 1 },
        ticks: { show: false },
        gap: 8,
        size: (_, labels) => 16 + 7 * Math.max(2, ...(labels ?? []).map((label) => label.length)),
        splits: lines,
        values: (_, splits) => splits.map((value) => shown.current.format(value)),
      },
    ],
    series: [
      {},
      { stroke: ink("--accent", 0.45), width: 1.25, dash: [5, 4], points: { show: false } },
      { stroke: ink("--accent"), width: 1.5, fill: ink("--accent", 0.1), points: { show: few } },
      { stroke: ink("--accent"), width: 1.5, dash: [1.5, 3.5], points: { show: few } },
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const { idx, left } = plot.cursor;
          const outside = idx == null || left == null || left < 0;
          onHover(outside ? undefined : { index: idx, left: left + plot.bbox.left / devicePixelRatio });
        },
      ],
    },
  };
}

function Tooltip({ points, moment, format, change, hover }: Props & { hover: Hover }) {
  const point = points[hover.index];
  if (!point) return null;
  const difference =
    point.value !== null && point.before != null ? change(point.value, point.before) : undefined;
  return (
    <div
      className="plot-tip"
      style={{ left: hover.left }}
      data-side={hover.index > points.length / 2 ? "left" : "right"}
    >
      <p className="quiet">{moment(point.start)}</p>
      <p>
        <strong>{point.value === null ? "–" : format(point.value)}</strong>
        {point.running ? <span className="quiet"> so far</span> : null}
      </p>
      {point.before != null ? (
        <p className="quiet">
          {format(point.before)} before{difference ? `, ${difference}` : ""}
        </p>
      ) : null}
    </div>
  );
}

/** uPlot's columns: index, before, settled, running. The running stretch begins at the last settled point. */
function columns(points: readonly ChartPoint[]): uPlot.AlignedData {
  const running = points.map((point, index) =>
    point.running || points[index + 1]?.running ? point.value : null,
  );
  const settled = points.map((point) => (point.running ? null : point.value));
  return [points.map((_, index) => index), points.map((point) => point.before ?? null), settled, running];
}

function highest(points: readonly ChartPoint[]): number {
  return Math.max(...points.map((point) => Math.max(point.value ?? 0, point.before ?? 0)), 0);
}

/** A token's colour as a canvas understands it. */
function ink(token: string, alpha = 1): string {
  const probe = document.createElement("span");
  probe.style.color = alpha === 1 ? `var(${token})` : `oklch(from var(${token}) l c h / ${alpha})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
