// A link that signs in once: its token stands behind the #, where no server sees it, and is spent
// before anything is shown.
import { useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { anonymous } from "../graph/anonymous";
import { type Failure, failureOf } from "../graph/failure";
import { begin } from "../session/access";
import { RefreshSession } from "../session/documents";

export function Enter() {
  const navigate = useNavigate();
  const [failure, setFailure] = useState<Failure>();
  const spent = useRef(false);
  useEffect(() => {
    if (spent.current) return;
    spent.current = true;
    const refreshToken = location.hash.slice(1);
    history.replaceState(history.state, "", "/enter");
    anonymous.mutation(RefreshSession, { input: { refreshToken } }).then((result) => {
      if (result.data?.refreshSession) navigate(`/w/${begin(result.data.refreshSession)}`, { replace: true });
      else setFailure(failureOf(result.error));
    });
  }, [navigate]);
  return (
    <main className="door">
      {failure ? (
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
      ) : (
        <h1>Signing in …</h1>
      )}
    </main>
  );
}
