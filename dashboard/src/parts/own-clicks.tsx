// Where this browser is told that its clicks are one's own: on a page of each host of links, since what
// it remembers is a cookie of that host, and no page elsewhere may set it.
import type { LinkHostsQuery } from "../generated/graphql";
import { OWN_CLICK } from "../words";
import { LinkHosts } from "./documents";
import { useLoaded } from "./panel";

const KINDS = ["Link", "Domain"];

export function OwnClicks() {
  const { data, failure } = useLoaded(LinkHosts, {}, { typenames: KINDS });
  if (!data) return <>{failure?.message ?? "…"}</>;
  const origins = originsOf(data);
  if (origins.length === 0) return <>{OWN_CLICK.nowhere}</>;
  const [only, ...others] = origins;
  if (only && others.length === 0) return <OwnClicksLink origin={only} />;
  return (
    <ul className="own-clicks">
      {origins.map((origin) => (
        <li key={origin}>
          <OwnClicksLink origin={origin} named />
        </li>
      ))}
    </ul>
  );
}

/** `named` says of which host it is. */
export function OwnClicksLink({ origin, named = false }: { origin: string; named?: boolean }) {
  return (
    <a href={new URL("/ll-ignore", origin).href} target="_blank" rel="noreferrer">
      {named ? OWN_CLICK.answerOn(new URL(origin).host) : OWN_CLICK.answer}
    </a>
  );
}

/** Where clicks of the workspace can come from: each host once, those of the newest links first. */
export function originsOf({ links, domains }: LinkHostsQuery): string[] {
  const ofLinks = links?.nodes.map(({ shortUrl }) => new URL(shortUrl).origin) ?? [];
  const own =
    domains?.filter(({ status }) => status === "VERIFIED").map(({ host }) => `https://${host}`) ?? [];
  return [...new Set([...ofLinks, ...own])];
}
