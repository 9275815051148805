// Which links that sign in were opened in this browser, and where each led: opened again, it leads
// there and is not spent a second time, which the server would take for a theft and end the session.
const KEY = "linklogger.spent";
const MOST = 20;

function all(): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}

export function remember(token: string, slug: string): void {
  const kept = Object.entries(all()).slice(1 - MOST);
  localStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...kept, [digest(token), slug]])));
}

/** The workspace that the link led to. */
export function ledTo(token: string): string | undefined {
  return all()[digest(token)];
}

/** FNV-1a, 32 bits: tells a token from another and nothing of it. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16);
}
