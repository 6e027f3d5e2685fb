import { problemAnswer } from "./schemas.ts";

/** The failures that routes say of themselves in the documentation. */
export const problem = (text: string) => ({
  description: text,
  content: { "application/problem+json": { schema: problemAnswer } },
});

export const failures = {
  400: problem("The request is not valid: errors says which field."),
  401: problem("The credentials are missing or not valid."),
  403: problem("The credentials do not allow this."),
  429: problem("Too many requests; Retry-After says when to come again."),
  431: problem("The URL and the headers are too large."),
  500: problem("The service failed, or the tenant's template is not valid."),
  502: problem("The tenant service or the cluster failed."),
  503: problem("The service is starting, or stopping."),
  504: problem("The tenant service or the cluster did not answer in time."),
};

export const notFound = { 404: problem("There is no such run, or no such tenant.") };
