// A part of a page with a query of its own: a skeleton in its final size while it loads, the old
// data dimmed while the new loads, and its own words and retry when it fails.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type AnyVariables, type OperationContext, type TypedDocumentNode, useClient } from "urql";
import { type Failure, failureOf, isPassing } from "../graph/failure";

export interface Loaded<Data> {
  data: Data | undefined;
  failure: Failure | undefined;
  /** Whether `data` answers an older question. */
  stale: boolean;
  reload: () => void;
}

interface Options {
  /** Raised whenever there may be something new: the question is asked again, one at a time. */
  version?: number;
  /** Of what an empty answer is a list: it holds none that would say so when one is made. */
  typenames?: readonly string[];
}

interface State<Data> {
  /** The question that `data` answers. */
  answers?: string;
  data?: Data;
  failure?: Failure | undefined;
}

/** After a failure that may pass it is asked again by itself, in so many milliseconds at first, then ever later. */
const SOON = 1_000;
const LATEST = 15_000;

/** Asks anew whenever the variables change, and keeps the last answer until the next is there. */
export function useLoaded<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { version = 0, typenames }: Options = {},
): Loaded<Data> {
  const client = useClient();
  const [state, setState] = useState<State<Data>>({});
  const ask = useRef(() => {});
  const question = JSON.stringify(variables);
  const types = typenames?.join(" ");
  useEffect(() => {
    const asked = JSON.parse(question) as Variables;
    const context: Partial<OperationContext> = types ? { additionalTypenames: types.split(" ") } : {};
    let running = true;
    let due = false;
    let failures = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      // Asking while it runs would end what runs: a slow answer would never come.
      due = running;
      if (running) return;
      clearTimeout(timer);
      running = true;
      void client.query(query, asked, { ...context, requestPolicy: "network-only" }).toPromise();
    };
    ask.current = again;
    const source = client.query(query, asked, { ...context, requestPolicy: "cache-and-network" });
    const { unsubscribe } = source.subscribe((result) => {
      running = result.stale;
      setState((before) => {
        if (result.error) return { ...before, failure: failureOf(result.error) };
        return result.data === undefined ? before : { answers: question, data: result.data };
      });
      failures = result.error && isPassing(failureOf(result.error)) ? failures + 1 : 0;
      if (due) again();
      else if (failures > 0) timer = setTimeout(again, Math.min(LATEST, SOON * 2 ** (failures - 1)));
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [client, query, question, types]);
  useEffect(() => {
    if (version > 0) ask.current();
  }, [version]);
  const { answers, data, failure } = state;
  return { data, failure, stale: data !== undefined && answers !== question, reload: () => ask.current() };
}

/** The value of when it was last settled: what is shown keeps the labels that it was asked with. */
export function useSettled<Value>(value: Value, settled: boolean): Value {
  const last = useRef(value);
  if (settled) last.current = value;
  return last.current;
}

export function Panel({
  loaded,
  height,
  children,
}: {
  loaded: Pick<Loaded<unknown>, "data" | "failure" | "stale" | "reload">;
  height: number;
  children: ReactNode;
}) {
  const { data, failure, stale, reload } = loaded;
  if (failure && data === undefined) {
    return (
      <div className="panel-failure" role="alert" style={{ minHeight: height }}>
        <p>{failure.message}</p>
        {failure.requestId ? <p className="quiet small mono">{failure.requestId}</p> : null}
        <button type="button" className="button" onClick={reload}>
          Try again
        </button>
      </div>
    );
  }
  if (data === undefined) return <Skeleton height={height} />;
  return (
    <div className={stale ? "panel-stale" : undefined} aria-busy={stale}>
      {failure ? (
        <p className="panel-note" role="status">
          Shown as of a moment ago: {failure.message}{" "}
          <button type="button" className="link" onClick={reload}>
            Try again
          </button>
        </p>
      ) : null}
      {children}
    </div>
  );
}

/** Nothing for 200 ms, so that what loads quickly does not flicker. */
export function Skeleton({ height }: { height: number }) {
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div style={{ height }} className={shown ? "skeleton" : undefined}>
      <span className="hidden">Loading</span>
    </div>
  );
}
