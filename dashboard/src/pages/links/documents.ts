// Links: listed, made, changed, removed.
import { graphql } from "../../generated";

export const LinkFields = graphql(`
  fragment LinkFields on Link {
    id
    shortUrl
    slug
    targetUrl
    title
    version
    lastClickedAt
  }
`);

export const LinkList = graphql(`
  query LinkList($after: String) {
    links(first: 50, after: $after) {
      nodes { ...LinkFields clickTotals { clicks } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const OneLink = graphql(`
  query OneLink($id: ID!) { link(by: { id: $id }) { ...LinkFields } }
`);

export const LinkName = graphql(`
  query LinkName($id: ID!) { link(by: { id: $id }) { id slug title } }
`);

export const CreateLink = graphql(`
  mutation CreateLink($input: CreateLinkInput!) {
    createLink(input: $input) { link { ...LinkFields } warnings { code message } }
  }
`);

export const UpdateLink = graphql(`
  mutation UpdateLink($input: UpdateLinkInput!) {
    updateLink(input: $input) { link { ...LinkFields } warnings { code message } }
  }
`);

export const DeleteLink = graphql(`
  mutation DeleteLink($input: DeleteLinkInput!) { deleteLink(input: $input) { deletedId } }
`);
