// The mutations that begin, renew and end a session.
import { graphql } from "../generated";

export const SessionFields = graphql(`
  fragment SessionFields on SessionPayload {
    accessToken
    refreshToken
    user { id email }
    workspace { id name slug timeZone }
  }
`);

export const SignUp = graphql(`
  mutation SignUp($input: SignUpInput!) { signUp(input: $input) { ...SessionFields } }
`);

export const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) { signIn(input: $input) { ...SessionFields } }
`);

export const RefreshSession = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) { refreshSession(input: $input) { ...SessionFields } }
`);

export const SignOut = graphql(`
  mutation SignOut { signOut { sessionId } }
`);
