// Which page an address shows. Addresses below /w/{slug} are a workspace's.
import { createBrowserRouter, Navigate, RouterProvider } from "react-router";
import { Layout } from "./frame/layout";
import { Enter } from "./pages/enter";
import { LinksPage } from "./pages/links";
import { LivePage } from "./pages/live";
import { NotFound } from "./pages/not-found";
import { OverviewPage } from "./pages/overview";
import { SignInPage } from "./pages/sign-in";
import { SignUpPage } from "./pages/sign-up";
import { isKnown, lastSlug } from "./session/store";
import { WorkspaceGate } from "./session/workspace";

function Home() {
  const slug = lastSlug();
  return <Navigate to={slug ? `/w/${slug}` : isKnown() ? "/sign-in" : "/sign-up"} replace />;
}

const router = createBrowserRouter([
  { path: "/", element: <Home /> },
  { path: "/sign-in", element: <SignInPage /> },
  { path: "/sign-up", element: <SignUpPage /> },
  { path: "/enter", element: <Enter /> },
  {
    path: "/w/:slug",
    element: (
      <WorkspaceGate>
        <Layout />
      </WorkspaceGate>
    ),
    errorElement: <NotFound />,
    children: [
      { index: true, element: <OverviewPage /> },
      { path: "live", element: <LivePage /> },
      { path: "links", element: <LinksPage /> },
      { path: "*", element: <NotFound /> },
    ],
  },
  { path: "*", element: <NotFound /> },
]);

export function App() {
  return <RouterProvider router={router} />;
}
