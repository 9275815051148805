// A sheet over the page, at the right, on a phone the whole screen: it keeps the focus, ends with
// Escape or a press beside it, and gives the focus back.
import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";

interface Props {
  title: ReactNode;
  onClose: () => void;
  /** Whether a press beside it closes it; not where something was typed. */
  light?: boolean;
  children: (close: () => void) => ReactNode;
}

export function Drawer({ title, onClose, light = true, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
    // The dialog itself would begin at the close button.
    dialog.current?.querySelector<HTMLElement>("input:not([disabled])")?.focus();
  }, []);
  const close = () => dialog.current?.close();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the dialog's own key is Escape
    <dialog
      ref={dialog}
      className="drawer"
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        // The backdrop is the dialog itself; what lies on it is not. (`closedby` is not everywhere yet.)
        const { left } = event.currentTarget.getBoundingClientRect();
        if (light && event.target === event.currentTarget && event.clientX < left) close();
      }}
    >
      <header>
        <h1 id={id}>{title}</h1>
        <button type="button" className="icon-button" onClick={close} aria-label="Close">
          <X size={17} aria-hidden />
        </button>
      </header>
      {children(close)}
    </dialog>
  );
}
