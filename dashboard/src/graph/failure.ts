// What went wrong, as the pages say it: the server's sentence for a person, its code, and which
// fields of a form it is about.
import type { CombinedError } from "@urql/core";
import type { ErrorCode } from "../generated/enums";

interface Extensions {
  code?: ErrorCode;
  field?: string;
  issues?: { path: string; message: string }[];
  requestId?: string;
}

export class Failure extends Error {
  readonly code: ErrorCode;
  /** Messages by the input's field. */
  readonly fields: ReadonlyMap<string, string>;
  /** To be quoted to support. */
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, fields = new Map<string, string>(), requestId?: string) {
    super(message);
    this.code = code;
    this.fields = fields;
    this.requestId = requestId;
  }
}

type Told = Partial<Pick<CombinedError, "graphQLErrors" | "networkError" | "response">>;

/** The first error of an answer; a network that failed is UNAVAILABLE. */
export function failureOf(error: Told | undefined): Failure {
  const first = error?.graphQLErrors?.[0];
  if (!first) {
    if (error?.networkError instanceof Failure) return error.networkError;
    return new Failure("UNAVAILABLE", "The server does not answer. Nothing is lost; try again in a moment.");
  }
  const { code, field, issues, requestId } = (first.extensions ?? {}) as Extensions;
  const fields = new Map<string, string>();
  for (const issue of issues ?? []) if (!fields.has(issue.path)) fields.set(issue.path, issue.message);
  if (field && !fields.has(field)) fields.set(field, first.message);
  const header = (error?.response as Response | undefined)?.headers?.get("x-request-id");
  return new Failure(code ?? "INTERNAL", first.message, fields, requestId ?? header ?? undefined);
}

/** Whether the same may succeed a moment later. */
export function isPassing(failure: Failure): boolean {
  return failure.code === "UNAVAILABLE" || failure.code === "INTERNAL" || failure.code === "RATE_LIMITED";
}
