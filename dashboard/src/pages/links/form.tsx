// Making a link, or changing its target, slug and title: one column, and beside it what visitors
// will have.
import { useState } from "react";
import { useMutation } from "urql";
import { bareUrl } from "../../format";
import type { LinkFieldsFragment } from "../../generated/graphql";
import { Failure, failureOf } from "../../graph/failure";
import { useDraft } from "../../parts/draft";
import { Drawer } from "../../parts/drawer";
import { Field } from "../../parts/field";
import { FormFault, useForm, withScheme } from "../../parts/form";
import { ShareActions, ShareQr } from "../../parts/share";
import { useWorkspace } from "../../session/workspace";
import { CreateLink, DeleteLink, UpdateLink } from "./documents";

interface Props {
  /** The link to change, as it is stored; none to make one. */
  link: LinkFieldsFragment | undefined;
  /** Host of short links, as far as it is known. */
  host: string | undefined;
  /** Asks for the stored link again, after somebody else changed it. */
  onReload: () => void;
  onClose: () => void;
}

interface Done {
  link: LinkFieldsFragment;
  warnings: readonly { code: string; message: string }[];
}

/** What lists links must be asked again: the answer holds none that would say so. */
const LINKS_CHANGE = { additionalTypenames: ["Link"] };
/** As the API has it. */
const SLUG = /^[\w-]{1,64}$/;
const NO_SLUG = "Enter the new slug, or the old one to keep it.";
const FIELDS = ["targetUrl", "slug", "title"];

export function LinkForm(props: Props) {
  const { link, onClose } = props;
  const [done, setDone] = useState<Done>();
  const title = done ? (link ? "Saved" : "The link is ready") : link ? "Change the link" : "New link";
  return (
    <Drawer title={title} onClose={onClose} light={done !== undefined}>
      {(close) =>
        done ? <Saved done={done} onClose={close} /> : <Edit {...props} onSaved={setDone} onClose={close} />
      }
    </Drawer>
  );
}

function Edit({ link: given, host, onSaved, onReload, onClose }: Props & { onSaved: (done: Done) => void }) {
  const { slug: workspace } = useWorkspace();
  // What the form began with is what its changes are against, whatever comes in meanwhile.
  const [link] = useState(given);
  const stored = { target: link?.targetUrl ?? "", slug: link?.slug ?? "", title: link?.title ?? "" };
  const draft = `${workspace}.${link ? `${link.id}.${link.version}` : "new-link"}`;
  const [fields, change, discard] = useDraft(draft, stored);
  const { target, slug, title } = fields;
  const [, createLink] = useMutation(CreateLink);
  const [, updateLink] = useMutation(UpdateLink);
  const form = useForm(
    async () => {
      const targetUrl = withScheme(target);
      if (link) {
        if (slug === "") throw new Failure("VALIDATION", NO_SLUG, new Map([["slug", NO_SLUG]]));
        const changed = {
          ...(targetUrl === link.targetUrl ? {} : { targetUrl }),
          ...(slug === link.slug ? {} : { slug }),
          ...(title === (link.title ?? "") ? {} : { title: title || null }),
        };
        const input = { id: link.id, expectedVersion: link.version, ...changed };
        const result = await updateLink({ input });
        if (!result.data?.updateLink) throw failureOf(result.error);
        onSaved(result.data.updateLink);
      } else {
        const input = { targetUrl, ...(slug ? { slug } : {}), ...(title ? { title } : {}) };
        const result = await createLink({ input });
        if (!result.data?.createLink) throw failureOf(result.error);
        onSaved(result.data.createLink);
      }
      discard();
    },
    { targetUrl: target, slug, title },
  );
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
      {form.failure?.code === "NOT_FOUND" || form.failure?.fields.has("expectedVersion") ? (
        <p>
          <button type="button" className="button" onClick={onReload}>
            Load it again
          </button>
        </p>
      ) : null}
      <p className="drawer-preview small">
        <span className="mono">
          {host ?? ""}/{SLUG.test(slug) ? slug : "…"}
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
      {link ? (
        <div className="form-share">
          <ShareActions url={link.shortUrl} />
          <ShareQr url={link.shortUrl} slug={link.slug} />
        </div>
      ) : null}
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

function Saved({ done: { link, warnings }, onClose }: { done: Done; onClose: () => void }) {
  return (
    <div className="form">
      <p className="ready-url mono">{bareUrl(link.shortUrl)}</p>
      <p className="quiet small">leads to {bareUrl(link.targetUrl)}</p>
      {warnings.map(({ code, message }) => (
        <p key={code} className="small">
          {message}
        </p>
      ))}
      <ShareActions url={link.shortUrl} />
      <ShareQr url={link.shortUrl} slug={link.slug} />
      <p>
        <button type="button" className="button" onClick={onClose}>
          Done
        </button>
      </p>
    </div>
  );
}
