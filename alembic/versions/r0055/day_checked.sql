-- Recognitions by the day they recognise: a few a day and institution among the payments of a month.
CREATE INDEX entry_recognised ON books.entry (region, business_date, fund, seq) WHERE event IN ('REC', 'REV');

-- Split bills by day, as records are.
CREATE INDEX bill_layer_day ON fund.bill_layer USING brin (day) WITH (pages_per_range = 32);

-- What was paid again: few orders, found by the one they replace.
CREATE INDEX pay_order_replaces ON payments.pay_order (region, replaces) WHERE replaces <> '';
