// The frame around a workspace's pages: the rail at the left, on a phone a bar at the bottom.
import { Activity, ChartLine, CircleUser, Link2, LogOut, Plus } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, NavLink, Outlet, useNavigate } from "react-router";
import { Drawer } from "../parts/drawer";
import { OwnClicks } from "../parts/own-clicks";
import { useWorkspace } from "../session/workspace";
import { OWN_CLICK } from "../words";
import { THEMES, useTheme } from "./theme";

const THEME_NAMES = { system: "System", light: "Light", dark: "Dark" };

export function Layout() {
  const { slug, name, email } = useWorkspace();
  const [account, openAccount] = useState(false);
  const base = `/w/${slug}`;
  useKeys(base);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Where the page before had the focus is nothing any more: the next Tab begins at the top.
    if (document.activeElement === document.body) frame.current?.focus();
  }, []);
  return (
    <div className="frame" ref={frame} tabIndex={-1}>
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
        <Link className="rail-item phone-only" to={`${base}/links?new`}>
          <Plus size={17} aria-hidden />
          <span className="rail-word">New link</span>
        </Link>
        <Item to={`${base}/links`} icon={<Link2 size={17} />} word="Links" />
        <button
          type="button"
          className="rail-item rail-account"
          onClick={() => openAccount(true)}
          title={email}
        >
          <CircleUser size={17} aria-hidden />
          <span className="rail-word">Account</span>
        </button>
      </nav>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      {account ? <Account onClose={() => openAccount(false)} /> : null}
    </div>
  );
}

function Account({ onClose }: { onClose: () => void }) {
  const { name, email, timeZone, signOut } = useWorkspace();
  const [theme, setTheme] = useTheme();
  return (
    <Drawer title="Account" onClose={onClose}>
      {() => (
        <div className="form">
          <dl className="facts">
            <dt className="quiet">Signed in as</dt>
            <dd>{email}</dd>
            <dt className="quiet">Workspace</dt>
            <dd>{name}</dd>
            <dt className="quiet">Time zone</dt>
            <dd>{timeZone}</dd>
            <dt className="quiet">{OWN_CLICK.name}</dt>
            <dd>
              <OwnClicks />
            </dd>
          </dl>
          <fieldset className="choices">
            <legend>Theme</legend>
            {THEMES.map((one) => (
              <button
                key={one}
                type="button"
                className="toggle"
                aria-pressed={theme === one}
                onClick={() => setTheme(one)}
              >
                {THEME_NAMES[one]}
              </button>
            ))}
          </fieldset>
          <p>
            <button type="button" className="button" onClick={() => void signOut()}>
              <LogOut size={15} aria-hidden /> Sign out
            </button>
          </p>
        </div>
      )}
    </Drawer>
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
