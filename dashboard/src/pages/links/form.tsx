// Making a link, or changing its target, slug and title: one column, and beside it what visitors
// will have.
import { useState } from "react";
import { useMutation } from "urql";
import { bareUrl } from "../../format";
import type { LinkFieldsFragment } from "../../generated/graphql";
import { failureOf } from "../../graph/failure";
import { CopyButton } from "../../parts/copy";
import { useDraft } from "../../parts/draft";
import { Drawer } from "../../parts/drawer";
import { Field } from "../../parts/field";
import { Qr } from "../../parts/qr";
import { FormFault, useForm } from "../door";
import { withScheme } from "../first-run";
import { CreateLink, DeleteLink, UpdateLink } from "./documents";

interface Props {
  /** The link to change; none to make one. */
  link: LinkFieldsFragment | undefined;
  /** Host of short links, as far as it is known. */
  host: string | undefined;
  onClose: () => void;
}

/** What lists links must be asked again: the answer holds none that would say so. */
const LINKS_CHANGE = { additionalTypenames: ["Link"] };
const FIELDS = ["targetUrl", "slug", "title"];

export function LinkForm({ link, host, onClose }: Props) {
  const [saved, setSaved] = useState<LinkFieldsFragment>();
  const title = saved ? (link ? "Saved" : "The link is ready") : link ? "Change the link" : "New link";
  return (
    <Drawer title={title} onClose={onClose} light={saved !== undefined}>
      {(close) =>
        saved ? (
          <Saved link={saved} onClose={close} />
        ) : (
          <Edit link={link} host={host} onSaved={setSaved} onClose={close} />
        )
      }
    </Drawer>
  );
}

function Edit({ link, host, onSaved, onClose }: Props & { onSaved: (link: LinkFieldsFragment) => void }) {
  const stored = { target: link?.targetUrl ?? "", slug: link?.slug ?? "", title: link?.title ?? "" };
  const [fields, change, discard] = useDraft(link ? `${link.id}.${link.version}` : "new-link", stored);
  const { target, slug, title } = fields;
  const [, createLink] = useMutation(CreateLink);
  const [, updateLink] = useMutation(UpdateLink);
  const form = useForm(async () => {
    const targetUrl = withScheme(target);
    if (link) {
      const changed = {
        ...(targetUrl === link.targetUrl ? {} : { targetUrl }),
        ...(slug === link.slug ? {} : { slug }),
        ...(title === (link.title ?? "") ? {} : { title: title || null }),
      };
      const result = await updateLink({ input: { id: link.id, expectedVersion: link.version, ...changed } });
      if (!result.data?.updateLink) throw failureOf(result.error);
      onSaved(result.data.updateLink.link);
    } else {
      const result = await createLink({
        input: { targetUrl, ...(slug ? { slug } : {}), ...(title ? { title } : {}) },
      });
      if (!result.data?.createLink) throw failureOf(result.error);
      onSaved(result.data.createLink.link);
    }
    discard();
  });
  const renamed = link !== undefined && slug !== link.slug;
  const giveUp = () => {
    discard();
    onClose();
  };
  return (
    <form className="form" onSubmit={form.onSubmit} noValidate>
      <Field
        label="Target"
        type="url"
        inputMode="url"
        autoFocus
        autoComplete="off"
        placeholder="https://example.com/spring"
        value={target}
        onValue={(target) => change({ target })}
        fault={form.fault("targetUrl")}
      />
      <Field
        label="Slug"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        prefix={`${host ?? "…"}/`}
        value={slug}
        onValue={(slug) => change({ slug })}
        hint={
          renamed
            ? `/${link.slug} goes on leading here.`
            : link
              ? undefined
              : "Left empty, one is made for you."
        }
        fault={form.fault("slug")}
      />
      <Field
        label="Title"
        autoComplete="off"
        value={title}
        onValue={(title) => change({ title })}
        hint="For you and your team; visitors never see it."
        fault={form.fault("title")}
      />
      <FormFault text={form.general(FIELDS)} />
      <p className="drawer-preview small">
        <span className="mono">
          {host ?? ""}/{slug || "…"}
        </span>{" "}
        <span className="quiet">leads to</span>{" "}
        {target ? bareUrl(withScheme(target)) : <span className="quiet">the target</span>}
      </p>
      <p className="form-actions">
        <button type="submit" className="button primary" aria-disabled={form.sending}>
          {form.sending ? "Saving …" : link ? "Save" : "Make link"}
        </button>
        <button type="button" className="button" onClick={giveUp}>
          Cancel
        </button>
        {link ? <Delete link={link} onDeleted={giveUp} /> : null}
      </p>
    </form>
  );
}

/** Asks once more, in place. */
function Delete({ link, onDeleted }: { link: LinkFieldsFragment; onDeleted: () => void }) {
  const [asked, setAsked] = useState(false);
  const [result, deleteLink] = useMutation(DeleteLink);
  if (!asked) {
    return (
      <button type="button" className="link failure form-last" onClick={() => setAsked(true)}>
        Delete
      </button>
    );
  }
  const remove = async () => {
    const { data } = await deleteLink({ input: { id: link.id } }, LINKS_CHANGE);
    if (data?.deleteLink) onDeleted();
  };
  return (
    <span className="form-confirm small" role="alert">
      {result.error
        ? failureOf(result.error).message
        : `/${link.slug} stops working for good; its clicks stay counted.`}{" "}
      <button type="button" className="link failure" onClick={() => void remove()}>
        Delete it
      </button>
    </span>
  );
}

function Saved({ link, onClose }: { link: LinkFieldsFragment; onClose: () => void }) {
  return (
    <div className="form">
      <p className="ready-url mono">{bareUrl(link.shortUrl)}</p>
      <p className="quiet small">leads to {bareUrl(link.targetUrl)}</p>
      <Qr text={link.shortUrl} size={132} />
      <p className="form-actions">
        <CopyButton text={link.shortUrl} />
        <button type="button" className="button" onClick={onClose}>
          Done
        </button>
      </p>
    </div>
  );
}
