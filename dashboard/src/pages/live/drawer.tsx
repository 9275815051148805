// A click's whole story: how it was judged, where it went, what it said of itself.
import type { ReactNode } from "react";
import { bareUrl, clock, date, micros, zoneName } from "../../format";
import type { ClickFieldsFragment } from "../../generated/graphql";
import { agent, isLookedUp, place, verdictSentence } from "../../live/story";
import { Drawer } from "../../parts/drawer";
import { OwnClicksLink } from "../../parts/own-clicks";
import { PlacesNote } from "../../parts/places-note";
import { DEVICES, OUTCOMES, OWN_CLICK } from "../../words";

interface Props {
  click: ClickFieldsFragment;
  zone: string;
  onClose: () => void;
}

export function ClickDrawer({ click, zone, onClose }: Props) {
  const { utm } = click;
  const campaign = [utm.source, utm.medium, utm.campaign, utm.term, utm.content].filter(
    (value) => value != null,
  );
  const title = (
    <>
      {click.link.title ?? `/${click.link.slug}`}{" "}
      <span className="quiet">at {clock(click.occurredAt, zone)}</span>
    </>
  );
  return (
    <Drawer title={title} onClose={onClose}>
      {() => (
        <>
          <p className="drawer-verdict">{verdictSentence(click)}</p>
          <dl className="facts">
            <Fact name="When">
              {date(click.occurredAt, zone)}, {clock(click.occurredAt, zone)}{" "}
              {zoneName(click.occurredAt, zone)}
            </Fact>
            <Fact name="Reason">
              <span className="mono">{click.verdictReason.code}</span>: {click.verdictReason.message}
            </Fact>
            <Fact name="Outcome">
              {OUTCOMES[click.outcome]} with status {click.status} in {micros(click.redirectMicros)}
            </Fact>
            <Fact name="Short URL">
              <span className="mono">{click.url}</span>
            </Fact>
            <Fact name="Target">
              {bareUrl(click.targetUrl)}{" "}
              <span className="quiet">(version {click.linkVersion} of the link)</span>
            </Fact>
            <Fact name="Place">{place(click)}</Fact>
            <Fact name="Network">{click.network ? <span className="mono">{click.network}</span> : null}</Fact>
            <Fact name="Device">
              {DEVICES[click.device]}, {agent(click)}
            </Fact>
            <Fact name="Language">{click.language}</Fact>
            <Fact name="Referrer">{click.referrer}</Fact>
            <Fact name="Campaign">{campaign.length > 0 ? campaign.join(" · ") : null}</Fact>
            {click.parameters.map(({ key, value }) => (
              <Fact key={key} name={`?${key}`}>
                {value}
              </Fact>
            ))}
            <Fact name="User agent">
              {click.userAgent ? <span className="mono small">{click.userAgent}</span> : null}
            </Fact>
            <Fact name="Click id">
              <span className="mono small">{click.id}</span>
            </Fact>
          </dl>
          {isLookedUp(click) ? <PlacesNote /> : null}
          <p className="small">
            {OWN_CLICK.question} <OwnClicksLink origin={new URL(click.url).origin} />
          </p>
        </>
      )}
    </Drawer>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="quiet">{name}</dt>
      <dd>{children ?? <span className="quiet">not given</span>}</dd>
    </>
  );
}
