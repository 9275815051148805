// Subscriptions as hooks. Each goes on by its cursor over every reconnect.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useClient } from "urql";
import type { ClickFieldsFragment, ClickFilter } from "../generated/graphql";
import { type Failure, failureOf } from "../graph/failure";
import type { Connection } from "../graph/socket";
import { useWorkspace } from "../session/workspace";
import { LiveClicks, LiveSignal } from "./documents";

/**
 * Calls back with each click after `after`; waits while that is undefined. Returns why it ended, if
 * the server refused it: what a broken connection needs is done below, by itself.
 */
export function useClicks(
  filter: ClickFilter | null,
  after: string | undefined,
  onClick: (click: ClickFieldsFragment) => void,
): Failure | undefined {
  const client = useClient();
  const [failure, setFailure] = useState<Failure>();
  const call = useRef(onClick);
  call.current = onClick;
  const key = JSON.stringify(filter);
  useEffect(() => {
    setFailure(undefined);
    if (after === undefined) return;
    const filter = JSON.parse(key) as ClickFilter | null;
    const { unsubscribe } = client.subscription(LiveClicks, { filter, after }).subscribe((result) => {
      const click = result.data?.clicks.click;
      if (click) call.current(click);
      if (result.error) setFailure(failureOf(result.error));
    });
    return unsubscribe;
  }, [client, key, after]);
  return failure;
}

/** Calls back when clicks were stored after `after`, at most once in `every` milliseconds and only while looked at. */
export function useClickSignal(after: string | undefined, every: number, onSignal: () => void): void {
  const client = useClient();
  const call = useRef(onSignal);
  call.current = onSignal;
  const begun = after !== undefined;
  const first = useRef(after);
  first.current ??= after;
  useEffect(() => {
    if (!begun) return;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    let due = false;
    const fire = () => {
      waiting = undefined;
      if (!due || document.hidden) return;
      due = false;
      call.current();
      waiting = setTimeout(fire, every);
    };
    const { unsubscribe } = client
      .subscription(LiveSignal, { after: first.current ?? null })
      .subscribe((result) => {
        if (!result.data) return;
        due = true;
        waiting ??= setTimeout(fire, 300);
      });
    const seen = () => {
      if (!document.hidden && due) waiting ??= setTimeout(fire, 0);
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      unsubscribe();
      clearTimeout(waiting);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [client, every, begun]);
}

export function useConnection(): Connection {
  const { socket } = useWorkspace().graph;
  return useSyncExternalStore(socket.listen, socket.connection);
}
