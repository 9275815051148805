// What signing in and signing up share: the narrow page, and sending one form with its faults.
import { type FormEvent, type ReactNode, useState } from "react";
import { Failure } from "../graph/failure";

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

export interface Form {
  onSubmit: (event: FormEvent) => void;
  sending: boolean;
  failure: Failure | undefined;
  fault: (field: string) => string | undefined;
  /** What is wrong with none of the form's own fields. */
  general: (fields: readonly string[]) => string | undefined;
}

/** Sends once at a time; whatever `send` throws stands at the form. */
export function useForm(send: () => Promise<void>): Form {
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  return {
    sending,
    failure,
    fault: (field) => failure?.fields.get(field),
    general: (fields) =>
      failure && !fields.some((field) => failure.fields.has(field)) ? failure.message : undefined,
    onSubmit(event) {
      event.preventDefault();
      if (sending) return;
      setSending(true);
      setFailure(undefined);
      send()
        .catch((error: unknown) => {
          if (!(error instanceof Failure)) throw error;
          setFailure(error);
          // Where the first fault is, the next key goes.
          requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
        })
        .finally(() => setSending(false));
    },
  };
}

export function FormFault({ text }: { text: string | undefined }) {
  return text ? (
    <p className="form-fault" role="alert">
      {text}
    </p>
  ) : null;
}
