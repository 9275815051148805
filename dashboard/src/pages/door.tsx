// The narrow page that signing in and signing up share.
import type { ReactNode } from "react";

export function Door({
  title,
  lead,
  children,
  foot,
}: {
  title: string;
  lead: string;
  children: ReactNode;
  foot: ReactNode;
}) {
  return (
    <main className="door">
      <title>{`${title} · Link Logger`}</title>
      <p className="door-name">
        <img src="/favicon.svg" alt="" width="22" height="22" /> Link Logger
      </p>
      <h1>{title}</h1>
      <p className="quiet">{lead}</p>
      {children}
      <p className="small quiet">{foot}</p>
    </main>
  );
}
