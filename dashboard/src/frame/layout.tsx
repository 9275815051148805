// The frame around a workspace's pages: the rail at the left, on a phone a bar at the bottom.
import { Activity, ChartLine, Link2, LogOut, Plus } from "lucide-react";
import type { ReactNode } from "react";
import { useEffect } from "react";
import { Link, NavLink, Outlet, useNavigate } from "react-router";
import { useWorkspace } from "../session/workspace";
import { THEMES, useTheme } from "./theme";

const THEME_NAMES = { system: "System", light: "Light", dark: "Dark" };

export function Layout() {
  const { slug, name, email, signOut } = useWorkspace();
  const [theme, setTheme] = useTheme();
  const base = `/w/${slug}`;
  useKeys(base);
  return (
    <div className="frame">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <nav className="rail" aria-label="Main">
        <p className="rail-workspace cut" title={name}>
          <span className="rail-letter" aria-hidden="true">
            {name.slice(0, 1).toUpperCase()}
          </span>
          <span className="rail-word">{name}</span>
        </p>
        <Item to={base} icon={<ChartLine size={17} />} word="Overview" end />
        <Item to={`${base}/live`} icon={<Activity size={17} />} word="Live" />
        <Link className="rail-item phone-only" to={`${base}/links?new`} aria-label="New link">
          <Plus size={22} aria-hidden />
        </Link>
        <Item to={`${base}/links`} icon={<Link2 size={17} />} word="Links" />
        <div className="rail-foot">
          <label className="rail-theme small">
            <span className="rail-word quiet">Theme</span>
            <select
              className="select"
              aria-label="Theme"
              value={theme}
              onChange={(event) => setTheme(THEMES.find((t) => t === event.target.value) ?? "system")}
            >
              {THEMES.map((theme) => (
                <option key={theme} value={theme}>
                  {THEME_NAMES[theme]}
                </option>
              ))}
            </select>
          </label>
          <p className="rail-word quiet small cut" title={email}>
            {email}
          </p>
          <button type="button" className="rail-item" onClick={() => void signOut()} title="Sign out">
            <LogOut size={17} aria-hidden />
            <span className="rail-word">Sign out</span>
          </button>
        </div>
      </nav>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function Item({ to, icon, word, end = false }: { to: string; icon: ReactNode; word: string; end?: boolean }) {
  return (
    <NavLink className="rail-item" to={to} end={end} title={word}>
      <span aria-hidden="true">{icon}</span>
      <span className="rail-word">{word}</span>
    </NavLink>
  );
}

/** C makes a new link, L goes live; not while something is typed. */
function useKeys(base: string): void {
  const navigate = useNavigate();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog"))
        return;
      if (event.key === "c") navigate(`${base}/links?new`);
      if (event.key === "l") navigate(`${base}/live`);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [navigate, base]);
}
