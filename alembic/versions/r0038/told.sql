-- What happened since the last telling is found by when it was recorded; the rows come in that order.
CREATE INDEX order_event_recorded ON payments.order_event USING brin (recorded_at);
CREATE INDEX finding_event_recorded ON fund.finding_event USING brin (recorded_at);
