// One click of the stream, in a line; it opens the click's whole story.
import { memo } from "react";
import { clock, country } from "../../format";
import type { ClickFieldsFragment } from "../../generated/graphql";
import { agent, isLocal } from "../../live/story";
import { VerdictMark } from "../../parts/verdict";
import { DEVICES, isCounted, OUTCOMES } from "../../words";

interface Props {
  click: ClickFieldsFragment;
  zone: string;
  onOpen: (click: ClickFieldsFragment) => void;
}

export const ClickRow = memo(function ClickRow({ click, zone, onOpen }: Props) {
  const { link, outcome } = click;
  return (
    <li>
      <button type="button" className="click-row" data-verdict={click.verdict} onClick={() => onOpen(click)}>
        <time className="quiet" dateTime={click.occurredAt}>
          {clock(click.occurredAt, zone)}
        </time>
        <span className="click-place cut">
          {click.country ? (
            <>
              <span className="code mono">{click.country}</span> {click.city ?? country(click.country)}
            </>
          ) : (
            <span className="quiet">
              {click.network && isLocal(click.network) ? "Local network" : "Unknown place"}
            </span>
          )}
        </span>
        <span className="click-link">
          {link.title ? <span className="cut">{link.title}</span> : null}
          <span className="mono quiet">/{link.slug}</span>
        </span>
        <span className="click-source cut">
          {click.referrerHost ?? <span className="quiet">Direct</span>}
          {click.utm.source ? <span className="quiet"> · {click.utm.source}</span> : null}
        </span>
        <span className="click-agent cut quiet">
          {DEVICES[click.device]}, {agent(click)}
        </span>
        <span className="click-verdict">
          {isCounted(outcome) ? (
            <VerdictMark verdict={click.verdict} />
          ) : (
            <span className="quiet">{OUTCOMES[outcome]}</span>
          )}
        </span>
      </button>
    </li>
  );
});
