// The sessions that this browser holds, one for each workspace, so that two tabs can show two.
//
// What is kept is the refresh token, which works once; access tokens live in memory only and end
// with the tab. Script of another origin is kept off the page by the content policy.
import { forgetNewest } from "./newest";

export interface Session {
  refreshToken: string;
  /** When it came, by this machine's clock; see newest.ts. */
  renewedAt: number;
  email: string;
  workspace: { id: string; name: string; slug: string; timeZone: string };
}

const PREFIX = "linklogger.session.";
const LAST = "linklogger.last-workspace";

export function load(slug: string): Session | undefined {
  try {
    const text = localStorage.getItem(PREFIX + slug);
    return text ? (JSON.parse(text) as Session) : undefined;
  } catch {
    return undefined;
  }
}

export function save(session: Session): void {
  localStorage.setItem(PREFIX + session.workspace.slug, JSON.stringify(session));
  localStorage.setItem(LAST, session.workspace.slug);
}

export function forget(slug: string): void {
  localStorage.removeItem(PREFIX + slug);
  void forgetNewest(slug);
}

/** Calls back when another tab forgets the session; returns how to stop that. */
export function onForgotten(slug: string, call: () => void): () => void {
  const changed = (event: StorageEvent) => {
    // Without a key everything was cleared.
    if ((event.key === PREFIX + slug || event.key === null) && event.newValue === null) call();
  };
  window.addEventListener("storage", changed);
  return () => window.removeEventListener("storage", changed);
}

/** Whether someone signed in here before. */
export function isKnown(): boolean {
  return localStorage.getItem(LAST) !== null;
}

/** The workspace that was open last, if its session is still here; else any other. */
export function lastSlug(): string | undefined {
  const last = localStorage.getItem(LAST);
  if (last && load(last)) return last;
  const key = Object.keys(localStorage).find((name) => name.startsWith(PREFIX));
  return key?.slice(PREFIX.length);
}
