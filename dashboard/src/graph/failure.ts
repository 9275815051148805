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

/** The first error of an answer; a network that failed is UNAVAILABLE. */
export function failureOf(error: Pick<CombinedError, "graphQLErrors"> | undefined): Failure {
  const first = error?.graphQLErrors[0];
  if (!first) {
    return new Failure(
      "UNAVAILABLE",
      "The server does not answer. What you entered is still here; try again.",
    );
  }
  const { code, field, issues, requestId } = (first.extensions ?? {}) as Extensions;
  const fields = new Map<string, string>();
  for (const issue of issues ?? []) if (!fields.has(issue.path)) fields.set(issue.path, issue.message);
  if (field && !fields.has(field)) fields.set(field, first.message);
  return new Failure(code ?? "INTERNAL", first.message, fields, requestId);
}
