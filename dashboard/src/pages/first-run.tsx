// The first run: one field, then the short link and a panel that waits for its first click.
import { Check } from "lucide-react";
import { useEffect, useState } from "react";
import { useClient, useMutation } from "urql";
import { bareUrl } from "../format";
import type { ClickFieldsFragment, LinkFieldsFragment } from "../generated/graphql";
import { Failure, failureOf } from "../graph/failure";
import { FirstClick, Head } from "../live/documents";
import { isLookedUp, place, verdictSentence } from "../live/story";
import { useClicks, useConnection } from "../live/use-clicks";
import { useDraft } from "../parts/draft";
import { Field } from "../parts/field";
import { FormFault, useForm, withScheme } from "../parts/form";
import { PlacesNote } from "../parts/places-note";
import { isLoopback, ShareActions, ShareQr } from "../parts/share";
import { useRetry } from "../parts/use-retry";
import { useWorkspace } from "../session/workspace";
import { CreateLink } from "./links/documents";

interface Props {
  /** The workspace's newest link, if it has one already. */
  link: LinkFieldsFragment | undefined;
  /** Leaves for the overview. */
  onDone: () => void;
}

export function FirstRun({ link: known, onDone }: Props) {
  const [made, setMade] = useState<LinkFieldsFragment>();
  const link = made ?? known;
  return (
    <div className="first">
      {link ? <Waiting key={link.id} link={link} onDone={onDone} /> : <Paste onMade={setMade} />}
    </div>
  );
}

function Paste({ onMade }: { onMade: (link: LinkFieldsFragment) => void }) {
  const { slug } = useWorkspace();
  const [{ targetUrl }, change, discard] = useDraft(`${slug}.first-link`, { targetUrl: "" });
  const [, createLink] = useMutation(CreateLink);
  const form = useForm(
    async () => {
      const result = await createLink({ input: { targetUrl: withScheme(targetUrl) } });
      if (!result.data?.createLink) throw failureOf(result.error);
      discard();
      onMade(result.data.createLink.link);
    },
    { targetUrl },
  );
  return (
    <>
      <h1>Paste a link</h1>
      <p className="quiet">You get a short one for it, and see every click on it the moment it happens.</p>
      <form className="paste" onSubmit={form.onSubmit} noValidate>
        <Field
          label="Link"
          type="url"
          inputMode="url"
          autoFocus
          autoComplete="off"
          placeholder="https://example.com/spring"
          value={targetUrl}
          onValue={(targetUrl) => change({ targetUrl })}
          fault={form.fault("targetUrl")}
        />
        <button type="submit" className="button primary" aria-disabled={form.sending}>
          {form.sending ? "Shortening …" : "Shorten it"}
        </button>
      </form>
      <FormFault text={form.general(["targetUrl"])} />
    </>
  );
}

function Waiting({ link, onDone }: { link: LinkFieldsFragment; onDone: () => void }) {
  const { first, failure, retry } = useFirstClick();
  const connection = useConnection();
  return (
    <>
      <h1>{first ? "The first click is here" : "Your short link is ready"}</h1>
      <div className="ready">
        <div className="ready-link">
          <p className="ready-url mono">{bareUrl(link.shortUrl)}</p>
          <p className="quiet small cut" title={link.targetUrl}>
            leads to {bareUrl(link.targetUrl)}
          </p>
          <ShareActions url={link.shortUrl} />
        </div>
        <ShareQr url={link.shortUrl} slug={link.slug} />
      </div>
      <section
        className="wait"
        data-arrived={first ? "" : undefined}
        aria-live="polite"
        aria-label="First click"
      >
        {first ? <Arrived click={first} onDone={onDone} /> : null}
        {!first && failure ? (
          <p className="form-fault wait-failure">
            {failure.message}{" "}
            <button type="button" className="link" onClick={retry}>
              Try again
            </button>
          </p>
        ) : null}
        {!first && !failure ? (
          <>
            <span className="pulse" aria-hidden="true" />
            <div>
              <p>Waiting for the first click</p>
              <p className="quiet small">
                {connection === "reconnecting"
                  ? "Reconnecting, nothing is lost. A click made now shows when the connection is back."
                  : isLoopback(link.shortUrl)
                    ? "Open the link on this machine; others cannot reach it until a short domain is set. This turns as soon as it is clicked."
                    : "Open the link here or scan the code with a phone. This turns as soon as it is clicked."}
              </p>
            </div>
          </>
        ) : null}
      </section>
      {first && isLookedUp(first) ? <PlacesNote /> : null}
    </>
  );
}

function Arrived({ click, onDone }: { click: ClickFieldsFragment; onDone: () => void }) {
  const where = place(click);
  return (
    <>
      <span className="arrived" data-verdict={click.verdict} aria-hidden="true">
        <Check size={18} />
      </span>
      <div>
        <p>{verdictSentence(click)}</p>
        <p className="quiet small">
          {click.country ? `From ${where}.` : `${where.charAt(0).toUpperCase()}${where.slice(1)}.`}{" "}
          {source(click)}
        </p>
        <p className="ready-actions">
          <button type="button" className="button primary" onClick={onDone}>
            Go to the overview
          </button>
        </p>
      </div>
    </>
  );
}

function source({ referrerHost, utm }: ClickFieldsFragment): string {
  if (referrerHost) return `Sent by ${referrerHost}.`;
  return utm.source ? `Campaign source ${utm.source}.` : "No referrer, so it counts as direct.";
}

/** The first click there is or comes, on any link. The head is read before the clicks, so that none falls between. */
function useFirstClick() {
  const client = useClient();
  const [first, setFirst] = useState<ClickFieldsFragment>();
  const [cursor, setCursor] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt asks again
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const head = await client.query(Head, {}, { requestPolicy: "network-only" });
      const after = head.data?.clickTotals?.liveCursor;
      if (!after) throw failureOf(head.error);
      const clicks = await client.query(FirstClick, {}, { requestPolicy: "network-only" });
      if (!clicks.data?.clicks) throw failureOf(clicks.error);
      if (gone) return;
      setFailure(undefined);
      setFirst(clicks.data.clicks.nodes[0]);
      setCursor(after);
    };
    look().catch((error: unknown) => {
      if (!gone) setFailure(error instanceof Failure ? error : failureOf(undefined));
    });
    return () => {
      gone = true;
    };
  }, [client, attempt]);
  const ended = useClicks(null, first ? undefined : cursor, (click) => setFirst((known) => known ?? click));
  const retry = () => {
    setCursor(undefined);
    setAttempt((attempt) => attempt + 1);
  };
  useRetry(failure ?? ended, retry);
  return { first, failure: failure ?? ended, retry };
}
