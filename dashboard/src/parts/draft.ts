// What was typed in a form, kept over a reload of this tab until it is sent, given up, or its
// writer signs out.
import { useEffect, useState } from "react";

const PREFIX = "linklogger.draft.";

/** A form's texts by field; `discard` forgets them. `form` names it, in its workspace. */
export function useDraft<Fields extends Record<string, string>>(
  form: string,
  initial: Fields,
): [Fields, (change: Partial<Fields>) => void, () => void] {
  const key = PREFIX + form;
  const [fields, setFields] = useState<Fields>(() => ({ ...initial, ...read<Fields>(key) }));
  const [touched, touch] = useState(false);
  useEffect(() => {
    if (touched) sessionStorage.setItem(key, JSON.stringify(fields));
  }, [key, fields, touched]);
  const change = (change: Partial<Fields>) => {
    touch(true);
    setFields((fields) => ({ ...fields, ...change }));
  };
  const discard = () => {
    touch(false);
    sessionStorage.removeItem(key);
  };
  return [fields, change, discard];
}

export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}

function read<Fields>(key: string): Partial<Fields> {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Fields>;
  } catch {
    return {};
  }
}
