/**
 * Logs in, makes and issues an invoice, and prints its pay link; then asks for what is not there, and prints the problem.
 *
 *   WHATSINVOICE_URL=http://127.0.0.1:8080 WHATSINVOICE_PHONE=… WHATSINVOICE_PASSWORD=… node dist/example/issue-invoice.js
 */

import { randomUUID } from "node:crypto";
import process from "node:process";
import { connect, dataOf, ProblemError } from "../src/index.js";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set`);
  }
  return value;
}

/** Sent again after a network failure, the same key gets the first answer. */
const once = () => ({ "Idempotency-Key": randomUUID() });

const url = given("WHATSINVOICE_URL");
const tokens = dataOf(
  await connect(url).POST("/v1/auth/login", {
    body: { phone: given("WHATSINVOICE_PHONE"), password: given("WHATSINVOICE_PASSWORD") },
  }),
);
const api = connect(url, tokens.access_token);

const draft = dataOf(
  await api.POST("/v1/invoices", {
    params: { header: once() },
    body: {
      customer: { name: "Jane Okafor", phone: "08012345678" },
      lines: [{ description: "Logo design", unit_price_minor: 7_500_000, tax_rate_bp: 750 }],
      terms_days: 7,
    },
  }),
);
const invoice = dataOf(
  await api.POST("/v1/invoices/{invoice_id}/issue", {
    params: { path: { invoice_id: draft.id }, header: once() },
  }),
);
console.log(`${invoice.number} ${invoice.total_minor} ${invoice.currency} ${invoice.public_url}`);

try {
  dataOf(await api.GET("/v1/invoices/{invoice_id}", { params: { path: { invoice_id: `${invoice.id}x` } } }));
} catch (error) {
  if (!(error instanceof ProblemError)) {
    throw error;
  }
  console.log(error.problem.status, error.problem.code, error.problem.request_id);
}
