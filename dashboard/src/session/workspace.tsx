// The signed-in workspace that an address names: its session, its client, its socket. Without a
// session the way leads to the sign-in and back.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { Navigate, useLocation, useParams } from "react-router";
import { Provider } from "urql";
import { type Graph, openGraph } from "../graph/client";
import { forgetDrafts } from "../parts/draft";
import { Access } from "./access";
import { SignOut } from "./documents";
import * as store from "./store";

interface Workspace {
  slug: string;
  name: string;
  timeZone: string;
  email: string;
  graph: Graph;
  signOut: () => Promise<void>;
}

const Context = createContext<Workspace | undefined>(undefined);

export function useWorkspace(): Workspace {
  const workspace = useContext(Context);
  if (!workspace) throw new Error("a workspace's page outside of WorkspaceGate");
  return workspace;
}

/** Shows its children signed in, or sends to the sign-in. */
export function WorkspaceGate({ children }: { children: ReactNode }) {
  const { slug = "" } = useParams();
  return (
    <Gate key={slug} slug={slug}>
      {children}
    </Gate>
  );
}

function Gate({ slug, children }: { slug: string; children: ReactNode }) {
  const location = useLocation();
  const [session, setSession] = useState(() => store.load(slug));
  const [graph] = useState<Graph | undefined>(() =>
    session ? openGraph(new Access(slug, () => setSession(undefined))) : undefined,
  );
  useEffect(() => store.onForgotten(slug, () => setSession(undefined)), [slug]);
  const workspace = useMemo<Workspace | undefined>(() => {
    if (!session || !graph) return undefined;
    const { name, timeZone } = session.workspace;
    const signOut = async () => {
      // Whether or not the server hears it, this browser forgets the session.
      await graph.client.mutation(SignOut, {}).toPromise();
      store.forget(slug);
      forgetDrafts();
      setSession(undefined);
    };
    return { slug, name, timeZone, email: session.email, graph, signOut };
  }, [slug, session, graph]);
  if (!workspace) {
    return (
      <Navigate to={`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`} replace />
    );
  }
  return (
    <Context value={workspace}>
      <Provider value={workspace.graph.client}>{children}</Provider>
    </Context>
  );
}
