// A text to take along: shown, and copied by a button that says so.
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

/** `icon` leaves the word out where many stand below each other. */
export function CopyButton({ text, icon }: { text: string; icon?: boolean }) {
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2_000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () => {
    // The clipboard is there on https and on this machine only.
    const written = navigator.clipboard
      ? navigator.clipboard.writeText(text)
      : Promise.reject(new Error("no clipboard"));
    written.then(
      () => setState("copied"),
      () => setState("refused"),
    );
  };
  const words = { idle: "Copy", copied: "Copied", refused: "Select it and copy by hand" }[state];
  return (
    <button
      type="button"
      className={icon ? "icon-button" : "button copy-button"}
      onClick={copy}
      title={icon ? `Copy ${text}` : undefined}
    >
      {state === "copied" ? <Check size={15} aria-hidden /> : <Copy size={15} aria-hidden />}
      <span aria-live="polite" className={icon && state !== "refused" ? "hidden" : undefined}>
        {words}
      </span>
    </button>
  );
}
