/** What the types must refuse: tsc fails when a line below an @ts-expect-error is accepted. */

import { connect, dataOf } from "../src/index.js";

const api = connect("http://127.0.0.1:8080");
const lines = [{ description: "Logo design", unit_price_minor: 7_500_000 }];
const right = await api.POST("/v1/invoices", { body: { lines } });

// @ts-expect-error  a path that is not there
await api.GET("/v1/invoice");
// @ts-expect-error  a method that is not there
await api.PATCH("/v1/invoices", { body: { lines } });
// @ts-expect-error  a field of another type
await api.POST("/v1/invoices", { body: { lines, terms_days: "7" } });
// @ts-expect-error  a required field left out
await api.POST("/v1/invoices", { body: { lines: [{ description: "Logo design" }] } });
// @ts-expect-error  an answer that may be a problem
right.data.total_minor.toFixed();
// @ts-expect-error  money is a number
dataOf(right).total_minor.trim();
