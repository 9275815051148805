// What a short link is passed on with: copied, opened, and as a QR code.
import { ExternalLink } from "lucide-react";
import { CopyButton } from "./copy";
import { download } from "./download";
import { Qr, qrFile } from "./qr";

export function ShareActions({ url }: { url: string }) {
  return (
    <p className="ready-actions">
      <CopyButton text={url} />
      <a className="button" href={url} target="_blank" rel="noopener noreferrer">
        <ExternalLink size={15} aria-hidden />
        Open it
      </a>
    </p>
  );
}

export function ShareQr({ url, slug }: { url: string; slug: string }) {
  return (
    <figure className="ready-qr">
      <Qr text={url} size={132} />
      <button
        type="button"
        className="link small"
        onClick={() => download(`${slug}.svg`, "image/svg+xml", qrFile(url))}
      >
        Save as SVG
      </button>
    </figure>
  );
}

/** Whether only this machine can open it. */
export function isLoopback(url: string): boolean {
  return /^https?:\/\/(127\.|localhost|\[::1\])/i.test(url);
}
