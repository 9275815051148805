// A QR code, dark on light in both themes: scanners want it so.
import { useMemo } from "react";
import { encode } from "uqr";

export function Qr({ text, size }: { text: string; size: number }) {
  const { path, side } = useMemo(() => draw(text), [text]);
  return (
    <svg
      className="qr"
      role="img"
      aria-label={`QR code of ${text}`}
      width={size}
      height={size}
      viewBox={`0 0 ${side} ${side}`}
      shapeRendering="crispEdges"
    >
      <rect width={side} height={side} fill="#fff" />
      <path d={path} fill="#111" />
    </svg>
  );
}

/** One row of the path for each run of dark modules, within a quiet zone of 2. */
function draw(text: string): { path: string; side: number } {
  const { data, size } = encode(text, { ecc: "M", border: 2 });
  let path = "";
  data.forEach((row, y) => {
    let from = -1;
    for (let x = 0; x <= row.length; x++) {
      if (row[x] && from < 0) from = x;
      if (!row[x] && from >= 0) {
        path += `M${from} ${y}h${x - from}v1h${from - x}z`;
        from = -1;
      }
    }
  });
  return { path, side: size };
}

/** The same as a file's content. */
export function qrFile(text: string): string {
  const { path, side } = draw(text);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><rect width="${side}" height="${side}" fill="#fff"/><path d="${path}" fill="#111"/></svg>`;
}
