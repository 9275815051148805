// Whatever address is no page.
import { Link } from "react-router";

export function NotFound() {
  return (
    <div className="door">
      <h1>There is no such page</h1>
      <p className="quiet">The address may be misspelt, or the page has moved.</p>
      <p>
        <Link to="/">Go to the overview</Link>
      </p>
    </div>
  );
}
