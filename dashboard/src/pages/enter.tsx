// A link that signs in: its token stands behind the #, where no server sees it, and is spent before
// anything is shown. Who is signed in here already is asked first: a link may come from anyone.
import { useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import type { SessionFieldsFragment } from "../generated/graphql";
import { anonymous } from "../graph/anonymous";
import { type Failure, failureOf } from "../graph/failure";
import { begin } from "../session/access";
import { RefreshSession } from "../session/documents";
import { ledTo, remember } from "../session/spent";
import { lastSlug } from "../session/store";

export function Enter() {
  const navigate = useNavigate();
  const [failure, setFailure] = useState<Failure>();
  const [offered, setOffered] = useState<SessionFieldsFragment>();
  const spent = useRef(false);
  useEffect(() => {
    if (spent.current) return;
    spent.current = true;
    const refreshToken = location.hash.slice(1);
    history.replaceState(history.state, "", "/enter");
    const known = ledTo(refreshToken);
    if (known) return void navigate(`/w/${known}`, { replace: true });
    anonymous.mutation(RefreshSession, { input: { refreshToken } }).then((result) => {
      const session = result.data?.refreshSession;
      if (!session) return setFailure(failureOf(result.error));
      remember(refreshToken, session.workspace.slug);
      const other = lastSlug();
      if (other && other !== session.workspace.slug) setOffered(session);
      else navigate(`/w/${begin(session)}`, { replace: true });
    });
  }, [navigate]);
  return (
    <main className="door">
      <title>Sign in · Link Logger</title>
      {failure ? (
        <Refused failure={failure} />
      ) : offered ? (
        <Offer session={offered} />
      ) : (
        <h1>Signing in …</h1>
      )}
    </main>
  );
}

function Offer({ session }: { session: SessionFieldsFragment }) {
  const navigate = useNavigate();
  return (
    <>
      <h1>Open {session.workspace.name}?</h1>
      <p className="quiet">
        This link signs you in as {session.user.email}. The workspace that is open in this browser stays
        signed in.
      </p>
      <p className="form-actions">
        <button
          type="button"
          className="button primary"
          onClick={() => navigate(`/w/${begin(session)}`, { replace: true })}
        >
          Open it
        </button>
        <Link className="button" to="/" replace>
          Stay here
        </Link>
      </p>
    </>
  );
}

function Refused({ failure }: { failure: Failure }) {
  return (
    <>
      <h1>This link no longer signs in</h1>
      <p className="quiet">
        {failure.code === "UNAVAILABLE"
          ? failure.message
          : "It works once, and for a while only. Ask for a new one, or sign in with your password."}
      </p>
      <p>
        <Link to="/sign-in">Sign in</Link>
      </p>
    </>
  );
}
