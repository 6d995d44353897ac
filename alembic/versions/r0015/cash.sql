-- Money is asked for by what falls due, by a month's plan 用款计划, or as a float 周转金: the region's policy says which.
INSERT INTO fund.policy_key VALUES
    ('fund_request_basis', '请款方式：due按到期应付（未选时即此）、plan按月用款计划、float周转金，可并列',
     '(due|plan|float)(,(due|plan|float)){0,2}'),
    ('float_limit',        '周转金限额，元', '[1-9][0-9]{0,11}');

ALTER TABLE fund.fund_request ADD COLUMN basis text NOT NULL DEFAULT 'due' CHECK (basis IN ('due', 'plan', 'float')),
    ADD COLUMN month integer NOT NULL DEFAULT 0;
ALTER TABLE fund.fund_request ADD CONSTRAINT fund_request_month CHECK (CASE basis WHEN 'plan' THEN month % 100 BETWEEN 1 AND 12
    AND upto = (make_date(month / 100, month % 100, 1) + interval '1 month - 1 day')::date ELSE month = 0 END);

CREATE UNIQUE INDEX one_plan ON fund.fund_request (region, fund, month) WHERE basis = 'plan' AND state <> 'refused';
