/** The gateway's public API over fetch; paths, bodies and problems are typed by gateway/openapi.json. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Api = Client<paths>;

/** Without a token, only what needs no session can be called. */
export function connect(baseUrl: string, token?: string): Api {
  return createClient<paths>({ baseUrl, headers: { Authorization: token === undefined ? null : `Bearer ${token}` } });
}

/** An answer that is not a success; `problem.code` is for programs. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
  }
}

/** The body of a success; throws ProblemError otherwise. */
export function dataOf<Data>(answer: { data: Data; error?: never } | { data?: never; error: Problem }): Data {
  if (answer.error !== undefined) {
    throw new ProblemError(answer.error);
  }
  return answer.data;
}
