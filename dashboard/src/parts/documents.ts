// What the parts ask for themselves.
import { graphql } from "../generated";

/** Of links the newest hundred: their hosts, the shared one among them, are nearly always all that there are. */
export const LinkHosts = graphql(`
  query LinkHosts {
    links(first: 100) { nodes { id shortUrl } }
    domains { id host status }
  }
`);
