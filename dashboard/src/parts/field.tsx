// A labelled input with its hint and what is wrong with it.
import { type InputHTMLAttributes, useId } from "react";

interface Props extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string | undefined;
  fault?: string | undefined;
  /** Shown before the text, such as the host of a short link. */
  prefix?: string | undefined;
}

export function Field({ label, value, onValue, hint, fault, prefix, ...input }: Props) {
  const id = useId();
  const note = fault ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="field-box" data-fault={fault ? "" : undefined}>
        {prefix ? <span className="field-prefix mono">{prefix}</span> : null}
        <input
          {...input}
          id={id}
          value={value}
          onChange={(event) => onValue(event.target.value)}
          aria-invalid={fault ? true : undefined}
          aria-describedby={note ? `${id}-note` : undefined}
        />
      </div>
      {note ? (
        <p id={`${id}-note`} className={fault ? "field-fault" : "field-hint"}>
          {note}
        </p>
      ) : null}
    </div>
  );
}
