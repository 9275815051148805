// Sending one form: once at a time, with whatever is wrong standing at its fields.
import { type FormEvent, useState } from "react";
import { Failure } from "../graph/failure";

export interface Form {
  onSubmit: (event: FormEvent) => void;
  sending: boolean;
  failure: Failure | undefined;
  fault: (field: string) => string | undefined;
  /** What is wrong with none of the form's own fields. */
  general: (fields: readonly string[]) => string | undefined;
}

/** Whatever `send` throws stands at the form, at a field until its value changes. */
export function useForm(send: () => Promise<void>, values: Readonly<Record<string, string>> = {}): Form {
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [refused, setRefused] = useState(values);
  return {
    sending,
    failure,
    fault: (field) => (refused[field] === values[field] ? failure?.fields.get(field) : undefined),
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
          setRefused(values);
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

/** What people paste is often without https://. */
export function withScheme(text: string): string {
  const trimmed = text.trim();
  const isHost = /^[^/?#:]+\.[^/?#:]|^localhost\b/.test(trimmed);
  return isHost && !/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? `https://${trimmed}` : trimmed;
}
