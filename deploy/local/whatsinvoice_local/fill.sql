-- What fill.py runs. Ids have the form of ours and sort by number; every tenth invoice is a draft, two are open, six paid, one void.
CREATE FUNCTION pg_temp.id(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || '_01' || lpad(to_hex(n), 8, '0') || substr(md5(prefix || n), 1, 16)
$$;
CREATE FUNCTION pg_temp.moment(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc('second', now()) - interval '365 days' * (1 - n::float8 / :invoices)
$$;
CREATE TEMP TABLE businesses AS
SELECT b AS n, pg_temp.id('biz', b) AS id, pg_temp.id('usr', b) AS user_id, 'Business ' || b AS name,
    '+23481' || lpad(b::text, 8, '0') AS phone
FROM generate_series(0, :businesses - 1) AS b;
CREATE TEMP TABLE facts AS
SELECT i, pg_temp.id('inv', i) AS id, b.id AS business_id, b.name AS business_name,
    pg_temp.id('cus', i / 10) AS customer_id,
    'Customer ' || i / 10 AS customer, '+23480' || lpad((i / 10)::text, 8, '0') AS phone,
    (ARRAY['draft', 'open', 'open', 'paid', 'paid', 'paid', 'paid', 'paid', 'paid', 'void'])[1 + i % 10] AS status,
    'INV-' || lpad((row_number() OVER (PARTITION BY b.n, i % 10 = 0 ORDER BY i))::text, 6, '0') AS number,
    'RCP-' || lpad((row_number() OVER (PARTITION BY b.n, i % 10 BETWEEN 3 AND 8 ORDER BY i))::text, 6, '0') AS receipt,
    substr(md5('token' || i) || md5('more' || i), 1, 43) AS token,
    (1 + i % 4) AS lines, (1 + i % 200) * 50000 AS unit, (1 + i % 200) * 50000 * 75 / 1000 AS tax,
    pg_temp.moment(i) AS moment
FROM generate_series(0, :invoices - 1) AS i JOIN businesses AS b ON b.n = i % :businesses;
ALTER TABLE facts ADD COLUMN total bigint;
UPDATE facts SET total = lines * (unit + tax);
INSERT INTO auth.users (id, phone, name, email, password_hash)
SELECT user_id, phone, 'Owner ' || n, 'owner' || n || '@business.test', '$argon2id$v=19$m=19456,t=2,p=1$' || md5(phone)
FROM businesses;
INSERT INTO auth.businesses (id, name, country, currency, time_zone) SELECT id, name, 'NG', 'NGN', 'Africa/Lagos' FROM businesses;
INSERT INTO auth.members (id, business_id, user_id, role) SELECT pg_temp.id('mem', n), id, user_id, 'owner' FROM businesses;
INSERT INTO auth.sessions (id, user_id, business_id, created_at, expires_at)
SELECT pg_temp.id('ses', n), user_id, id, now() - interval '1 day', now() + interval '29 days' FROM businesses;
INSERT INTO invoices.businesses SELECT id, name, 'NG', 'NGN', 'Africa/Lagos', phone, 1 FROM businesses;
INSERT INTO invoices.counters
SELECT business_id, kind, count(*) FILTER (WHERE kind = 'invoice' AND status <> 'draft' OR kind = 'receipt' AND status = 'paid')
FROM facts, unnest(ARRAY['invoice', 'receipt']) AS kind GROUP BY 1, 2;
INSERT INTO invoices.customers (id, business_id, name, phone, email)
SELECT DISTINCT ON (customer_id) customer_id, business_id, customer, phone, lower(replace(customer, ' ', '.')) || '@example.test'
FROM facts;
INSERT INTO invoices.invoices
SELECT id, business_id, customer_id,
    jsonb_build_object('name', customer, 'phone', phone, 'email', '', 'version', 1, 'created_at', moment),
    status, nullif(number, CASE WHEN status = 'draft' THEN number END), nullif(token, CASE WHEN status = 'draft' THEN token END),
    'NGN',
    (SELECT jsonb_agg(jsonb_build_object('description', 'Item ' || l || ' of ' || number, 'quantity', '1', 'unit_price_minor', unit,
        'amount_minor', unit, 'discount_minor', 0, 'tax_rate_bp', 750, 'tax_minor', tax, 'total_minor', unit + tax))
        FROM generate_series(1, lines) AS l),
    lines * unit, 0, lines * tax, total, CASE status WHEN 'paid' THEN total ELSE 0 END, false,
    jsonb_build_object('issue_date', NULL, 'due_date', NULL, 'days', 7),
    CASE WHEN status <> 'draft' THEN moment::date END, CASE WHEN status <> 'draft' THEN moment::date + 7 END,
    '', '', CASE status WHEN 'paid' THEN 3 ELSE 2 END, moment,
    CASE WHEN status <> 'draft' THEN moment END, CASE status WHEN 'paid' THEN moment + interval '1 hour' END
FROM facts;
INSERT INTO invoices.receipts
SELECT pg_temp.id('rcp', i), business_id, id, number, receipt, substr(md5('receipt' || i) || md5('r' || i), 1, 43),
    pg_temp.id('pay', i), total, 0, 'NGN', 'card', 'wi_' || substr(md5('ref' || i), 1, 24), moment + interval '1 hour', 0
FROM facts WHERE status = 'paid';
INSERT INTO invoices.timeline
SELECT pg_temp.id('evt', i * 4 + k), business_id, id, kind, moment + interval '20 minutes' * k, jsonb_build_object('by', 'merchant')
FROM facts, unnest(ARRAY['created', 'issued', 'paid']) WITH ORDINALITY AS t (kind, k)
WHERE k = 1 OR k = 2 AND status <> 'draft' OR k = 3 AND status = 'paid';
INSERT INTO payments.payments (id, business_id, invoice_id, number, reference, status, currency, asked_minor, settled_minor,
    paid_minor, fees_minor, channel, authorization_url, access_code, reason, opening_until, next_check_at, paid_at, created_at,
    updated_at, version)
SELECT pg_temp.id('pay', i), business_id, id, 1, 'wi_' || substr(md5('ref' || i), 1, 24), 'succeeded', 'NGN', total, total,
    total, total * 15 / 1000, 'card', 'https://checkout.example/' || substr(md5('c' || i), 1, 15), substr(md5('c' || i), 1, 15), '',
    moment + interval '2 hours', NULL, moment + interval '1 hour', moment + interval '50 minutes', moment + interval '1 hour', 3
FROM facts WHERE status = 'paid';
INSERT INTO payments.allocations (payment_id, cause_id, business_id, invoice_id, applied_minor, credit_minor, currency,
    invoice_total_minor, invoice_paid_minor, invoice_status, invoice_version, created_at)
SELECT pg_temp.id('pay', i), '', business_id, id, total, 0, 'NGN', total, total, 'paid', 3, moment + interval '1 hour'
FROM facts WHERE status = 'paid';
INSERT INTO payments.webhookevent (id, provider, event, natural_id, body_hash, body, received_at, processed_at, outcome)
SELECT pg_temp.id('whe', i), 'paystack', 'charge.success', i::text, sha256(('body' || i)::bytea),
    convert_to(json_build_object('event', 'charge.success', 'data', json_build_object('id', i, 'reference', md5('ref' || i),
        'amount', total, 'currency', 'NGN', 'channel', 'card', 'paid_at', moment, 'authorization', md5('a' || i)))::text, 'UTF8'),
    moment + interval '1 hour', moment + interval '1 hour', 'settled'
FROM facts WHERE status = 'paid';
INSERT INTO payments.ledger_entries
SELECT pg_temp.id('led', i * 4 + k), business_id, pg_temp.id('set', i), 'payment', account, 'NGN', amount, pg_temp.id('pay', i), id,
    moment + interval '1 hour'
FROM facts, LATERAL (VALUES (1, 'paystack_clearing', total - total * 15 / 1000), (2, 'fees', total * 15 / 1000),
    (3, 'receivable', -total)) AS p (k, account, amount)
WHERE status = 'paid';
SELECT count(payments.link_entry_set(business_id, id))
FROM (SELECT business_id, pg_temp.id('set', i) AS id FROM facts WHERE status = 'paid' ORDER BY business_id, i) AS sets;
INSERT INTO notifications.members
SELECT pg_temp.id('mem', n), id, user_id, phone, 'Owner ' || n, 'owner', true, name, 'NG', 'NGN', 'Africa/Lagos', 1 FROM businesses;
INSERT INTO notifications.contacts (id, phone, name)
SELECT DISTINCT ON (customer_id) replace(customer_id, 'cus_', 'con_'), phone, customer FROM facts;
INSERT INTO notifications.sent_invoices
SELECT id, business_id, phone, business_name, number, 'https://pay.example/i/' || token, 'NGN',
    CASE status WHEN 'paid' THEN 0 ELSE total END, moment::date + 7, status <> 'open', 2
FROM facts WHERE status <> 'draft';
INSERT INTO notifications.messages (id, business_id, invoice_id, purpose, contact_id, dedupe_key, content, status, attempts,
    next_attempt_at, provider_id, queued_at, sent_at, delivered_at)
SELECT pg_temp.id('msg', i * 2 + k), business_id, id, purpose, replace(customer_id, 'cus_', 'con_'), purpose || ':' || id,
    jsonb_build_object('template', purpose, 'parameters', jsonb_build_array(business_name, number, total)), 'delivered', 1,
    moment, 'wamid.' || md5(purpose || i), moment, moment, moment
FROM facts, (VALUES (0, 'invoice'), (1, 'receipt')) AS m (k, purpose)
WHERE status <> 'draft' AND (k = 0 OR status = 'paid');
INSERT INTO invoices.outbox (event_id, event_type, business_id, payload, created_at, published_at)
SELECT pg_temp.id('evt', i), 'InvoiceIssued', business_id, convert_to(repeat(md5(id), 8), 'UTF8'), moment, moment
FROM facts WHERE moment > now() - interval '14 days' AND status <> 'draft';
INSERT INTO notifications.inbox (event_id, event_type, received_at)
SELECT pg_temp.id('evt', i), 'InvoiceIssued', moment FROM facts WHERE moment > now() - interval '14 days' AND status <> 'draft';
