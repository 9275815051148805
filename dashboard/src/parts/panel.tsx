// A part of a page with a query of its own: a skeleton in its final size while it loads, the old
// data dimmed while the new loads, and its own words and retry when it fails.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { type AnyVariables, type TypedDocumentNode, useQuery } from "urql";
import { type Failure, failureOf } from "../graph/failure";

export interface Loaded<Data> {
  data: Data | undefined;
  failure: Failure | undefined;
  /** Whether `data` answers an older question. */
  stale: boolean;
  reload: () => void;
}

/**
 * Asks anew whenever the variables change or `version` rises, and keeps the last answer until the
 * next is there.
 */
export function useLoaded<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  version = 0,
): Loaded<Data> {
  const last = useRef<Data>(undefined);
  const [result, execute] = useQuery<Data, Variables>({
    query,
    variables,
    requestPolicy: "cache-and-network",
  } as never);
  useEffect(() => {
    if (version > 0) execute({ requestPolicy: "network-only" });
  }, [version, execute]);
  if (result.data !== undefined && !result.error) last.current = result.data;
  return {
    data: result.data && !result.error ? result.data : last.current,
    failure: result.error ? failureOf(result.error) : undefined,
    stale: result.fetching && result.data === undefined && last.current !== undefined,
    reload: () => execute({ requestPolicy: "network-only" }),
  };
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
