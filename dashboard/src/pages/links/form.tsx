// Making a link, or changing its target, slug and title: one column, and beside it what visitors
// will have.
import { useEffect, useRef, useState } from "react";
import { useMutation } from "urql";
import { bareUrl } from "../../format";
import type { LinkFieldsFragment } from "../../generated/graphql";
import { failureOf } from "../../graph/failure";
import { CopyButton } from "../../parts/copy";
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

const FIELDS = ["targetUrl", "slug", "title"];

export function LinkForm({ link, host, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [saved, setSaved] = useState<LinkFieldsFragment>();
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  return (
    <dialog ref={dialog} className="drawer" aria-labelledby="form-title" onClose={onClose}>
      {saved ? (
        <Saved link={saved} isNew={!link} onClose={close} />
      ) : (
        <Edit link={link} host={host} onSaved={setSaved} onClose={close} />
      )}
    </dialog>
  );
}

function Edit({ link, host, onSaved, onClose }: Props & { onSaved: (link: LinkFieldsFragment) => void }) {
  const [targetUrl, setTarget] = useState(link?.targetUrl ?? "");
  const [slug, setSlug] = useState(link?.slug ?? "");
  const [title, setTitle] = useState(link?.title ?? "");
  const [, createLink] = useMutation(CreateLink);
  const [, updateLink] = useMutation(UpdateLink);
  const form = useForm(async () => {
    const target = withScheme(targetUrl);
    if (link) {
      const { id, version: expectedVersion } = link;
      const result = await updateLink({
        input: { id, expectedVersion, targetUrl: target, slug, title: title || null },
      });
      if (!result.data?.updateLink) throw failureOf(result.error);
      onSaved(result.data.updateLink.link);
    } else {
      const input = { targetUrl: target, ...(slug ? { slug } : {}), ...(title ? { title } : {}) };
      const result = await createLink({ input });
      if (!result.data?.createLink) throw failureOf(result.error);
      onSaved(result.data.createLink.link);
    }
  });
  const renamed = link !== undefined && slug !== link.slug;
  return (
    <form className="form" onSubmit={form.onSubmit} noValidate>
      <h1 id="form-title">{link ? "Change the link" : "New link"}</h1>
      <Field
        label="Target"
        type="url"
        inputMode="url"
        autoFocus
        autoComplete="off"
        placeholder="https://example.com/spring"
        value={targetUrl}
        onValue={setTarget}
        fault={form.fault("targetUrl")}
      />
      <Field
        label="Slug"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        prefix={`${host ?? "short link"}/`}
        value={slug}
        onValue={setSlug}
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
        onValue={setTitle}
        hint="For you and your team; visitors never see it."
        fault={form.fault("title")}
      />
      <FormFault text={form.general(FIELDS)} />
      <p className="drawer-preview small">
        <span className="mono">
          {host ?? "short link"}/{slug || "…"}
        </span>{" "}
        <span className="quiet">leads to</span>{" "}
        {targetUrl ? bareUrl(withScheme(targetUrl)) : <span className="quiet">the target</span>}
      </p>
      <p className="form-actions">
        <button type="submit" className="button primary" aria-disabled={form.sending}>
          {form.sending ? "Saving …" : link ? "Save" : "Make link"}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        {link ? <Delete link={link} onDeleted={onClose} /> : null}
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
    const { data } = await deleteLink({ input: { id: link.id } });
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

function Saved({ link, isNew, onClose }: { link: LinkFieldsFragment; isNew: boolean; onClose: () => void }) {
  return (
    <div className="form">
      <h1 id="form-title">{isNew ? "The link is ready" : "Saved"}</h1>
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
