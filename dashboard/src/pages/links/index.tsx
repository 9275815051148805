// All links of the workspace, newest first.
import { Pencil, Plus } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useClient } from "urql";
import { ago, bareUrl, count, exactly } from "../../format";
import type { LinkFieldsFragment, LinkListQuery } from "../../generated/graphql";
import { CopyButton } from "../../parts/copy";
import { downloadCsv } from "../../parts/download";
import { Panel, useLoaded } from "../../parts/panel";
import { useWorkspace } from "../../session/workspace";
import { LinkList, OneLink } from "./documents";
import { LinkForm } from "./form";

const LINKS = ["Link"];

type Row = NonNullable<LinkListQuery["links"]>["nodes"][number];

export function LinksPage() {
  const { name } = useWorkspace();
  const [, setParams] = useSearchParams();
  const [host, setHost] = useState<string>();
  // Raised when what is listed turned out to be old.
  const [version, setVersion] = useState(0);
  return (
    <>
      <title>{`Links · ${name} · Link Logger`}</title>
      <div className="bar">
        <h1>Links</h1>
        <button
          type="button"
          className="button primary bar-last"
          aria-keyshortcuts="C"
          onClick={() => setParams({ new: "" })}
        >
          <Plus size={15} aria-hidden /> New link
        </button>
      </div>
      <Page after={null} version={version} onHost={setHost} />
      <Form host={host} onStale={() => setVersion(version + 1)} onClose={() => setParams({})} />
    </>
  );
}

/** The form that the address asks for. */
function Form({
  host,
  onStale,
  onClose,
}: {
  host: string | undefined;
  onStale: () => void;
  onClose: () => void;
}) {
  const [params] = useSearchParams();
  const id = params.get("edit");
  if (params.has("new"))
    return <LinkForm link={undefined} host={host} onReload={onClose} onClose={onClose} />;
  return id ? <EditForm key={id} id={id} onStale={onStale} onClose={onClose} /> : null;
}

/** Opens with the link as it is stored now, and not as it was when the list was loaded. */
function EditForm({ id, onStale, onClose }: { id: string; onStale: () => void; onClose: () => void }) {
  const client = useClient();
  const [attempt, setAttempt] = useState(0);
  const [stored, setStored] = useState<{ attempt: number; link: LinkFieldsFragment }>();
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    let gone = false;
    const answer = client.query(OneLink, { id }, { requestPolicy: "network-only" }).toPromise();
    answer.then(({ data }) => {
      if (gone) return;
      // Gone, or not to be had: the list says which.
      if (data?.link) setStored({ attempt, link: data.link });
      else close.current();
    });
    return () => {
      gone = true;
    };
  }, [client, id, attempt]);
  if (!stored) return null;
  return (
    <LinkForm
      key={stored.attempt}
      link={stored.link}
      host={hostOf(stored.link)}
      onReload={() => {
        onStale();
        setAttempt(attempt + 1);
      }}
      onClose={onClose}
    />
  );
}

function hostOf({ shortUrl, slug }: Pick<LinkFieldsFragment, "shortUrl" | "slug">): string {
  return bareUrl(shortUrl).slice(0, -slug.length - 1);
}

interface PageProps {
  after: string | null;
  version: number;
  onHost: (host: string) => void;
}

/** One page and those after it: each begins where the one before ends now, so that none leaves a gap. */
function Page({ after, version, onHost }: PageProps) {
  const loaded = useLoaded(LinkList, { after }, { version, typenames: LINKS });
  const [more, showMore] = useState(false);
  const links = loaded.data?.links ?? undefined;
  const first = links?.nodes[0];
  const host = first ? hostOf(first) : undefined;
  useEffect(() => {
    if (host) onHost(host);
  }, [host, onHost]);
  if (links && links.nodes.length === 0 && after === null) {
    return (
      <p className="empty">
        <span>No links yet.</span> <Link to="?new">Make the first one</Link>
      </p>
    );
  }
  const { hasNextPage, endCursor } = links?.pageInfo ?? { hasNextPage: false, endCursor: null };
  return (
    <Panel loaded={{ ...loaded, data: links }} height={360}>
      <table className="links">
        <thead className={after === null ? undefined : "hidden"}>
          <tr className="small quiet">
            <th scope="col">Link</th>
            <th scope="col">Target</th>
            <th scope="col" className="number">
              People's clicks
            </th>
            <th scope="col">Last click</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {links?.nodes.map((row) => (
            <LinkRow key={row.id} row={row} />
          ))}
        </tbody>
      </table>
      <p className="chart-actions small">
        {hasNextPage && !more ? (
          <button type="button" className="link" onClick={() => showMore(true)}>
            Show more links
          </button>
        ) : null}
        <button type="button" className="link links-csv" onClick={() => saveCsv(links?.nodes ?? [])}>
          Download CSV
        </button>
      </p>
      {more && hasNextPage && endCursor ? <Page after={endCursor} version={version} onHost={onHost} /> : null}
    </Panel>
  );
}

function saveCsv(rows: readonly Row[]): void {
  downloadCsv("links", [
    ["Short link", "Target", "Title", "Clicks by people", "Last click"],
    ...rows.map((row) => [
      row.shortUrl,
      row.targetUrl,
      row.title,
      row.clickTotals?.clicks ?? null,
      row.lastClickedAt,
    ]),
  ]);
}

function ShortUrl({ url }: { url: string }) {
  return (
    <a className="links-url mono small cut" href={url} target="_blank" rel="noopener noreferrer">
      {bareUrl(url)}
    </a>
  );
}

function LinkRow({ row }: { row: Row }) {
  const { slug: workspace, timeZone } = useWorkspace();
  const clicks = row.clickTotals?.clicks;
  return (
    <tr>
      <th scope="row">
        {row.title ? (
          <>
            <span className="links-title cut">{row.title}</span>
            <ShortUrl url={row.shortUrl} />
          </>
        ) : (
          <ShortUrl url={row.shortUrl} />
        )}
      </th>
      <td className="links-target quiet">
        <span className="cut" title={row.targetUrl}>
          {bareUrl(row.targetUrl)}
        </span>
      </td>
      <td className="number">
        {clicks === undefined ? (
          "–"
        ) : (
          <Link
            className="links-clicks"
            to={`/w/${workspace}?link=${row.id}`}
            title={`${exactly(clicks)} clicks by people`}
          >
            {count(clicks)}
          </Link>
        )}
      </td>
      <td className="links-last quiet small">
        {row.lastClickedAt ? ago(row.lastClickedAt, Date.now(), timeZone) : "never"}
      </td>
      <td className="links-actions">
        <CopyButton text={row.shortUrl} icon />
        <Link className="icon-button" to={`?edit=${row.id}`} title="Edit">
          <Pencil size={15} aria-hidden />
          <span className="hidden">Edit {row.title ?? row.slug}</span>
        </Link>
      </td>
    </tr>
  );
}
