// Access tokens of one workspace's session: always a fresh one, renewed once however many ask, in
// this tab or another.
import type { SessionFieldsFragment } from "../generated/graphql";
import { anonymous } from "../graph/anonymous";
import { Failure, failureOf } from "../graph/failure";
import { RefreshSession } from "./documents";
import { keepNewest, newest } from "./newest";
import * as store from "./store";

/** A token is renewed this long before it ends, so that none ends on its way. */
const MARGIN = 30_000;

export class Access {
  readonly slug: string;
  private token = "";
  private expiresAt = 0;
  private renewing: Promise<string> | undefined;
  private readonly onEnd: () => void;

  /** `onEnd` is called when the session has ended and only signing in again helps. */
  constructor(slug: string, onEnd: () => void) {
    this.slug = slug;
    this.onEnd = onEnd;
    const taken = handover.get(slug);
    if (taken) this.take(taken);
    handover.delete(slug);
  }

  get current(): string {
    return this.token;
  }

  get isFresh(): boolean {
    return Date.now() < this.expiresAt - MARGIN;
  }

  /** @throws {Failure} when the session has ended, or the server does not answer. */
  fresh(): Promise<string> {
    if (this.isFresh) return Promise.resolve(this.token);
    return this.renew();
  }

  renew(): Promise<string> {
    this.renewing ??= exclusive(this.slug, () => this.refresh()).finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  private async refresh(): Promise<string> {
    // Another tab may have renewed it meanwhile: what is stored now is the newest.
    const session = store.load(this.slug);
    if (!session) {
      this.onEnd();
      throw new Failure("UNAUTHENTICATED", "Your session has ended. Sign in again.");
    }
    const kept = await newest(this.slug);
    const refreshToken =
      kept && kept.renewedAt > session.renewedAt ? kept.refreshToken : session.refreshToken;
    const result = await anonymous.mutation(RefreshSession, { input: { refreshToken } });
    const renewed = result.data?.refreshSession;
    if (!renewed) {
      const failure = failureOf(result.error);
      if (failure.code === "UNAUTHENTICATED") {
        store.forget(this.slug);
        this.onEnd();
      }
      throw failure;
    }
    this.take(renewed);
    // Before the next tab's turn.
    await keepNewest(this.slug, { refreshToken: renewed.refreshToken, renewedAt: Date.now() });
    return renewed.accessToken;
  }

  private take(fields: SessionFieldsFragment): void {
    this.token = fields.accessToken;
    // By this clock and not the server's, which may go differently: a token is new when it comes.
    this.expiresAt = Date.now() + lifetime(fields.accessToken);
    keep(fields);
  }
}

/** From the token's own claims, in milliseconds. */
function lifetime(token: string): number {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as {
      iat: number;
      exp: number;
    };
    return (claims.exp - claims.iat) * 1_000;
  } catch {
    return 0;
  }
}

/** The tokens of a sign-in, for the page that opens next. */
const handover = new Map<string, SessionFieldsFragment>();

/** Takes over a new session and returns its workspace's slug. */
export function begin(fields: SessionFieldsFragment): string {
  keep(fields);
  handover.set(fields.workspace.slug, fields);
  return fields.workspace.slug;
}

function keep(fields: SessionFieldsFragment): void {
  const { refreshToken, user, workspace } = fields;
  const { id, name, slug, timeZone } = workspace;
  store.save({
    refreshToken,
    renewedAt: Date.now(),
    email: user.email,
    workspace: { id, name, slug, timeZone },
  });
}

/** One tab at a time, where the browser has locks (on https and on this machine). */
function exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work();
  return navigator.locks.request(`linklogger.refresh.${name}`, work) as Promise<T>;
}
