// What is happening now? The last hour by minute, and every click as it is stored.
import { Pause, Play } from "lucide-react";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useSearchParams } from "react-router";
import { useClient } from "urql";
import { count, hour, plural } from "../../format";
import type { ClickFieldsFragment } from "../../generated/graphql";
import { serverNow } from "../../graph/clock";
import { Failure, failureOf } from "../../graph/failure";
import { LastHour, NewestClicks } from "../../live/documents";
import { ClickFeed, type FeedView } from "../../live/feed";
import { Minutes } from "../../live/minutes";
import { useClicks, useConnection } from "../../live/use-clicks";
import { Panel } from "../../parts/panel";
import { PlacesNote } from "../../parts/places-note";
import { type Minute, Strip } from "../../parts/strip";
import { useRetry } from "../../parts/use-retry";
import { useWorkspace } from "../../session/workspace";
import { isCounted } from "../../words";
import { ClickDrawer } from "./drawer";
import { ClickRow } from "./row";

const HOUR = 3_600_000;
const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting, nothing lost" };

export function LivePage() {
  const { timeZone, name } = useWorkspace();
  const live = useLive();
  const [open, setOpen] = useOpenClick(live.view.rows);
  const [params, setParams] = useSearchParams();
  const peopleOnly = params.get("show") === "people";
  const pause = usePause(live.feed);
  const { view, hour: minutes } = live;
  const rows = peopleOnly ? view.rows.filter((row) => row.verdict === "HUMAN") : view.rows;
  return (
    <>
      <title>{`Live · ${name} · Link Logger`}</title>
      <div className="bar">
        <h1>Live</h1>
        <button
          type="button"
          className="toggle bar-last"
          aria-pressed={peopleOnly}
          onClick={() => setParams(peopleOnly ? {} : { show: "people" }, { replace: true })}
        >
          People only
        </button>
        <button
          type="button"
          className="toggle"
          aria-pressed={pause.manual}
          aria-keyshortcuts="Space"
          onClick={pause.toggle}
        >
          {pause.manual ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
          {pause.manual ? "Go on" : "Pause"}
        </button>
      </div>
      <Panel loaded={live.loaded} height={220}>
        <Now minutes={minutes} peopleOnly={peopleOnly} />
        <Strip minutes={minutes} label={(start) => hour(start, timeZone)} />
      </Panel>
      <Spoken stored={live.stored} />
      <Notes view={view} feed={live.feed} onResume={pause.release} />
      {rows.length === 0 && live.loaded.data ? (
        <p className="quiet stream-empty">No clicks yet. The next one appears here.</p>
      ) : null}
      <ol
        className="stream"
        aria-label="Clicks, newest first"
        onPointerEnter={pause.enter}
        onPointerLeave={pause.leave}
      >
        {rows.map((click) => (
          <ClickRow key={click.id} click={click} zone={timeZone} onOpen={setOpen} />
        ))}
      </ol>
      <PlacesNote />
      {open ? <ClickDrawer click={open} zone={timeZone} onClose={() => setOpen(undefined)} /> : null}
    </>
  );
}

/** The click whose story is open; it stands in the address, so that Back closes it. */
function useOpenClick(rows: readonly ClickFieldsFragment[]) {
  const [params, setParams] = useSearchParams();
  const [kept, setKept] = useState<ClickFieldsFragment>();
  const id = params.get("click");
  const open = id === null ? undefined : kept?.id === id ? kept : rows.find((row) => row.id === id);
  const change = useCallback(
    (click: ClickFieldsFragment | undefined) => {
      setKept(click);
      setParams((params) => {
        params.delete("click");
        if (click) params.set("click", click.id);
        return params;
      });
    },
    [setParams],
  );
  return [open, change] as const;
}

function ConnectionWords() {
  const connection = useConnection();
  return (
    <p className={`connection connection-${connection}`} role="status">
      {WORDS[connection]}
    </p>
  );
}

/** The largest element: people's clicks just now, and in the time around it. */
function Now({ minutes, peopleOnly }: { minutes: readonly Minute[]; peopleOnly: boolean }) {
  const sum = (last: number) => minutes.slice(-last).reduce((all, minute) => all + minute.clicks, 0);
  return (
    <div className="now">
      <dl>
        <div>
          <dt>Last 5 minutes</dt>
          <dd className="now-largest">{count(sum(5))}</dd>
        </div>
        <div>
          <dt>This minute</dt>
          <dd>{count(sum(1))}</dd>
        </div>
        <div>
          <dt>Last hour</dt>
          <dd>{count(sum(60))}</dd>
        </div>
      </dl>
      <p className="quiet small">By people.{peopleOnly ? "" : " The stream below shows machines too."}</p>
    </div>
  );
}

function Notes({ view, feed, onResume }: { view: FeedView; feed: ClickFeed; onResume: () => void }) {
  return (
    <div className="notes">
      <ConnectionWords />
      {view.sample > 1 ? (
        <p className="small quiet">Showing 1 in {view.sample}; counts are complete.</p>
      ) : null}
      {view.away > 0 ? (
        <p className="small">
          {plural(view.away, "click")} while away{" "}
          <button type="button" className="link" onClick={() => feed.showMissed()}>
            Show
          </button>
        </p>
      ) : null}
      {view.held > 0 ? (
        <button type="button" className="pill" onClick={onResume}>
          {count(view.held)} new
        </button>
      ) : null}
    </div>
  );
}

/** What a screen reader is told: how many came, at most every ten seconds. */
function Spoken({ stored }: { stored: number }) {
  const [words, say] = useState("");
  const latest = useRef(stored);
  latest.current = stored;
  useEffect(() => {
    let told = latest.current;
    const timer = setInterval(() => {
      if (latest.current > told) say(plural(latest.current - told, "new click"));
      told = latest.current;
    }, 10_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="hidden" role="status">
      {words}
    </p>
  );
}

interface Live {
  feed: ClickFeed;
  /** Clicks of any kind since the page was opened. */
  stored: number;
  view: FeedView;
  hour: Minute[];
  loaded: { data: unknown; failure: Failure | undefined; stale: boolean; reload: () => void };
}

/** The last hour from a query, and from its cursor on every click. */
function useLive(): Live {
  const client = useClient();
  const [feed] = useState(() => new ClickFeed());
  const [minutes] = useState(() => new Minutes());
  const [cursor, setCursor] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const [attempt, setAttempt] = useState(0);
  const [, redraw] = useState(0);
  const stored = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt asks again
  useEffect(() => {
    let gone = false;
    const load = async () => {
      const from = new Date(Math.floor(serverNow() / 60_000) * 60_000 - HOUR).toISOString();
      const hour = await client.query(LastHour, { filter: { from } }, { requestPolicy: "network-only" });
      const series = hour.data?.clickSeries;
      if (!series) throw failureOf(hour.error);
      const newest = await client.query(NewestClicks, {}, { requestPolicy: "network-only" });
      if (!newest.data?.clicks) throw failureOf(newest.error);
      if (gone) return;
      minutes.seed(series.points);
      feed.seed(newest.data.clicks.nodes);
      setFailure(undefined);
      setCursor(series.liveCursor);
    };
    load().catch((error: unknown) => {
      if (!gone) setFailure(error instanceof Failure ? error : failureOf(undefined));
    });
    return () => {
      gone = true;
    };
  }, [client, feed, minutes, attempt]);
  const ended = useClicks(null, cursor, (click) => {
    stored.current += 1;
    if (click.verdict === "HUMAN" && isCounted(click.outcome)) {
      minutes.add(Date.parse(click.occurredAt));
    }
    feed.push(click, serverNow());
  });
  useEffect(() => {
    const timer = setInterval(() => {
      feed.tick(serverNow());
      redraw((count) => count + 1);
    }, 1_000);
    return () => clearInterval(timer);
  }, [feed]);
  useResumed(feed);
  const reload = () => {
    setCursor(undefined);
    setAttempt((attempt) => attempt + 1);
  };
  useRetry(failure ?? ended, reload);
  const view = useSyncExternalStore(feed.subscribe, feed.snapshot);
  return {
    feed,
    stored: stored.current,
    view,
    hour: minutes.hour(serverNow()),
    loaded: { data: cursor, failure: failure ?? ended, stale: false, reload },
  };
}

/** Tells the feed when the connection is back after it was away. */
function useResumed(feed: ClickFeed): void {
  const connection = useConnection();
  const before = useRef(connection);
  useEffect(() => {
    if (before.current === "reconnecting" && connection === "live") feed.resumed(serverNow());
    before.current = connection;
  }, [connection, feed]);
}

/** Paused by hand, by the pointer over the rows, or by having scrolled down to read. */
function usePause(feed: ClickFeed) {
  const [manual, setManual] = useState(false);
  const [hovered, setHovered] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => feed.pause(manual || hovered || scrolled), [feed, manual, hovered, scrolled]);
  useEffect(() => {
    const scroll = () => setScrolled(window.scrollY > 240);
    const press = (event: KeyboardEvent) => {
      if (event.key !== " " || (event.target as HTMLElement).closest("button, input, select, a, dialog"))
        return;
      event.preventDefault();
      setManual((manual) => !manual);
    };
    window.addEventListener("scroll", scroll, { passive: true });
    document.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("scroll", scroll);
      document.removeEventListener("keydown", press);
    };
  }, []);
  return {
    manual,
    toggle: () => setManual(!manual),
    enter: () => setHovered(true),
    leave: () => setHovered(false),
    release: () => {
      setManual(false);
      setHovered(false);
      window.scrollTo({ top: 0 });
    },
  };
}
