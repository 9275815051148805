// Light, dark, or as the system has it; remembered in this browser. The theme that is shown stands at
// the root as data-theme. (CSS alone could choose by light-dark(), but Chromium 156 leaves inherited
// colours behind when the system changes.)
import { useState, useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
type Shown = "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];
const KEY = "linklogger.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function stored(): Theme {
  const text = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === text) ?? "system";
}

// What stands at the root. The system is asked in show() only: Chromium 156 gives no event of a
// change that was read before the event was due, and whatever is rendered in between would read it.
let shown: Shown = "light";

function show(): void {
  const theme = stored();
  const system = systemIsDark.matches ? "dark" : "light";
  shown = theme === "system" ? system : theme;
  document.documentElement.dataset["theme"] = shown;
  for (const listener of listeners) listener();
}

/** Shows the theme now, and again whenever the system or another tab changes it. */
export function keepTheme(): void {
  systemIsDark.addEventListener("change", show);
  window.addEventListener("storage", show);
  show();
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, set] = useState(stored);
  return [
    theme,
    (next) => {
      localStorage.setItem(KEY, next);
      show();
      set(next);
    },
  ];
}

/** Whoever paints a canvas paints anew when it changes. */
export function useShownTheme(): Shown {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
}
