// Asking again by itself after a failure that may pass.
import { useEffect, useRef } from "react";
import { type Failure, isPassing } from "../graph/failure";

const SOON = 2_000;

export function useRetry(failure: Failure | undefined, retry: () => void): void {
  const call = useRef(retry);
  call.current = retry;
  useEffect(() => {
    if (!failure || !isPassing(failure)) return;
    const timer = setTimeout(() => call.current(), SOON);
    return () => clearTimeout(timer);
  }, [failure]);
}
