-- Declarations of a month and the settlement lists they need.

-- Tables ------------------------------------------------------
-- Settlement lists 结算清单 (4101) the platform holds: the gate of the declaration.
CREATE TABLE fund.settlement_list (
    region       integer NOT NULL,
    setl_id      text NOT NULL,
    setl_list_id text NOT NULL CHECK (setl_list_id <> ''),
    uploaded_on  date NOT NULL,
    loaded_by    text NOT NULL,
    PRIMARY KEY (region, setl_id)
);

-- clr_stas 清算状态 (platform-fields.md 4.5) and what leads from one to the next.
CREATE TABLE fund.declaration_transition (
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    roles      text[] NOT NULL,
    second     boolean NOT NULL,        -- another person than the one who declared
    PRIMARY KEY (from_state, event)
);

INSERT INTO fund.declaration_transition VALUES
    ('10', 'withdraw', '10', '{maker,system}',  false),     -- 3204, before acceptance
    ('10', 'accept',   '20', '{checker}',       true),
    ('10', 'reject',   '70', '{checker}',       true),
    ('20', 'reject',   '70', '{checker}',       true),
    ('20', 'audit',    '30', '{maker,checker,system}', false),
    ('30', 'audited',  '40', '{maker,checker,system}', false),
    ('40', 'settle',   '50', '{checker,system}', true),
    ('50', 'pay',      '60', '{accountant,system}', false),    -- by the receipt of a month order, never by hand
    ('60', 'return',   '50', '{accountant,system}', false);    -- 退汇 of it: settled, and owed as month money again

CREATE TABLE fund.declaration (
    region         integer NOT NULL,
    fund           smallint NOT NULL CHECK (fund IN (310, 390)),
    declaration_id text NOT NULL,             -- clr_appy_evt_id
    institution    text NOT NULL,
    term           integer NOT NULL,
    clr_type       text NOT NULL,
    clr_way        text NOT NULL,
    setlym         integer NOT NULL,
    state          text NOT NULL DEFAULT '10' CHECK (state IN ('10', '20', '30', '40', '50', '60', '70')),
    late           boolean NOT NULL,
    withdrawn      boolean NOT NULL DEFAULT false,
    psntime        bigint NOT NULL,           -- 清算人次: reversals count −1
    records        bigint NOT NULL CHECK (records > 0),
    medfee_fen     bigint NOT NULL,
    med_sumfee_fen bigint NOT NULL,           -- 医保认可费用总额
    fund_appy_fen  bigint NOT NULL,           -- Σ fund_pay_sumamt, as 3203 means it: all funds
    cash_fen       bigint NOT NULL,
    acct_fen       bigint NOT NULL,
    pool_fen       bigint NOT NULL,           -- of this book: Σ payable.fund_fen, pooled
    book_acct_fen  bigint NOT NULL,           -- of this book: Σ payable.fund_fen, personal accounts
    begndate       date NOT NULL,
    enddate        date NOT NULL,
    run_id         text NOT NULL,             -- the comparison it rests on
    msgid          text NOT NULL DEFAULT '',  -- of the 3203 request: the same request again is answered as before
    digest         bytea NOT NULL CHECK (length(digest) = 32),   -- over its records
    declared_by    text NOT NULL,
    declared_on    date NOT NULL,
    PRIMARY KEY (region, declaration_id),
    FOREIGN KEY (region, fund, institution, term, clr_type) REFERENCES fund.reconciliation,
    CHECK (NOT withdrawn OR state = '10')
);

CREATE UNIQUE INDEX declaration_message ON fund.declaration (region, msgid) WHERE msgid <> '';

CREATE INDEX declaration_scope ON fund.declaration (region, fund, institution, term, clr_type);

-- A record is declared at most once; freed only by withdrawal or rejection.
CREATE TABLE fund.declared (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    setl_id        text NOT NULL,
    declaration_id text NOT NULL,
    PRIMARY KEY (region, fund, setl_id)
);

CREATE INDEX declared_by ON fund.declared (region, declaration_id);

CREATE TABLE fund.declaration_event (
    region         integer NOT NULL,
    declaration_id text NOT NULL,
    n              integer NOT NULL,
    event          text NOT NULL,
    from_state     text NOT NULL,
    to_state       text NOT NULL,
    user_name      text NOT NULL,
    business_date  date NOT NULL,
    reason         text NOT NULL,
    released       text[] NOT NULL DEFAULT '{}',      -- the records freed again
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, declaration_id, n),
    FOREIGN KEY (region, declaration_id) REFERENCES fund.declaration
);

-- Functions ---------------------------------------------------
-- A declaration begins as 已申请, of an agreed line, by who signs it.
CREATE OR REPLACE FUNCTION fund.check_declaration() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.declared_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'declare.declared_by', DETAIL = '申报只能以当前用户的名义登记';
    END IF;
    IF NEW.state <> '10' OR NEW.withdrawn THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.state', DETAIL = '申报只能以已申请状态登记';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM fund.reconciliation r WHERE r.region = NEW.region AND r.fund = NEW.fund
                      AND r.institution = NEW.institution AND r.term = NEW.term AND r.clr_type = NEW.clr_type
                      AND r.state = 'agreed' AND r.run_id = NEW.run_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.not_reconciled',
            DETAIL = format('机构%s %s期清算类别%s尚未对账一致，不能申报', NEW.institution, NEW.term, NEW.clr_type);
    END IF;
    RETURN NEW;
END $$;

-- Its first event, written with it.
CREATE OR REPLACE FUNCTION fund.begin_declaration() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO fund.declaration_event VALUES (NEW.region, NEW.declaration_id, 1, 'apply', '', '10', NEW.declared_by, NEW.declared_on, '');
    RETURN NULL;
END $$;

-- The records of a declaration are all and only of its line, and no more than it counts.
CREATE OR REPLACE FUNCTION fund.check_declared() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad record;
BEGIN
    SELECT n.setl_id, n.declaration_id INTO v_bad
      FROM added n
      LEFT JOIN fund.declaration d ON d.region = n.region AND d.declaration_id = n.declaration_id AND d.fund = n.fund
                                  AND d.state = '10' AND NOT d.withdrawn
      LEFT JOIN fund.record r ON r.region = n.region AND r.setl_id = n.setl_id AND r.fixmedins_code = d.institution
                             AND r.clr_type = d.clr_type
                             AND extract(year FROM r.setl_time) * 100 + extract(month FROM r.setl_time) = d.term
     WHERE r.setl_id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.foreign_record',
            DETAIL = format('结算%s不属于申报%s', v_bad.setl_id, v_bad.declaration_id);
    END IF;
    SELECT d.declaration_id INTO v_bad FROM fund.declaration d
     WHERE (d.region, d.declaration_id) IN (SELECT DISTINCT region, declaration_id FROM added)
       AND (SELECT count(*) FROM fund.declared c WHERE c.region = d.region AND c.declaration_id = d.declaration_id) > d.records
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.complete', DETAIL = format('申报%s的明细已完整，不得增加', v_bad.declaration_id);
    END IF;
    RETURN NULL;
END $$;

-- At the end of its transaction a declaration's totals are the sums of its records.
CREATE OR REPLACE FUNCTION fund.check_declaration_sums() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_sums record;
BEGIN
    IF EXISTS (SELECT 1 FROM fund.declaration d WHERE d.region = NEW.region AND d.declaration_id = NEW.declaration_id
                  AND (d.withdrawn OR d.state = '70')) THEN
        RETURN NULL;                     -- taken back within the transaction that made it
    END IF;
    SELECT count(*) AS records, sum(CASE WHEN r.init_setl_id <> '' THEN -1 ELSE 1 END) AS psntime, sum(r.medfee_sumamt) AS medfee,
           sum(r.hi_agre_sumfee) AS agreed, sum(r.fund_pay_sumamt) AS appy, sum(r.psn_cash_pay) AS cash, sum(r.acct_pay) AS acct,
           sum(coalesce(p.pool, 0)) AS pool, sum(coalesce(p.acct, 0)) AS book_acct
      INTO v_sums
      FROM fund.declared c
      JOIN fund.record r ON r.region = c.region AND r.setl_id = c.setl_id
      LEFT JOIN (SELECT setl_id, sum(fund_fen) FILTER (WHERE subfund = 'pool') AS pool, sum(fund_fen) FILTER (WHERE subfund = 'acct') AS acct
                   FROM fund.payable WHERE region = NEW.region AND fund = NEW.fund AND institution = NEW.institution
                    AND term = NEW.term GROUP BY setl_id) p ON p.setl_id = c.setl_id
     WHERE c.region = NEW.region AND c.declaration_id = NEW.declaration_id;
    IF (v_sums.records, v_sums.psntime, v_sums.medfee, v_sums.agreed, v_sums.appy, v_sums.cash, v_sums.acct, v_sums.pool, v_sums.book_acct)
       IS DISTINCT FROM (NEW.records, NEW.psntime, NEW.medfee_fen, NEW.med_sumfee_fen, NEW.fund_appy_fen, NEW.cash_fen, NEW.acct_fen,
                         NEW.pool_fen, NEW.book_acct_fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.sums', DETAIL = format('申报%s的合计与其结算记录之和不符', NEW.declaration_id);
    END IF;
    RETURN NULL;
END $$;

-- The one way a declaration changes; returns its new state. The same act again gives the first answer.
CREATE OR REPLACE FUNCTION fund.move_declaration(p_region integer, p_declaration_id text, p_event text, p_on date, p_reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_row  fund.declaration;
    v_move fund.declaration_transition;
    v_last record;
    v_user text;
    v_free text[] := '{}';
BEGIN
    SELECT * INTO v_row FROM fund.declaration WHERE region = p_region AND declaration_id = p_declaration_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'declare.unknown', DETAIL = format('没有申报%s', p_declaration_id);
    END IF;
    v_user := access.require_role(p_region, v_row.fund, '{maker,checker,accountant,cashier,system}');
    SELECT n, event, to_state, user_name, business_date, reason INTO v_last FROM fund.declaration_event
     WHERE region = p_region AND declaration_id = p_declaration_id ORDER BY n DESC LIMIT 1;
    IF (v_last.event, v_last.user_name, v_last.business_date, v_last.reason) = (p_event, v_user, p_on, p_reason) THEN
        RETURN v_last.to_state;
    END IF;
    SELECT * INTO v_move FROM fund.declaration_transition WHERE from_state = v_row.state AND event = p_event;
    IF NOT FOUND OR v_row.withdrawn THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.state',
            DETAIL = format('申报%s的清算状态为{declaration.state:%s}%s，不能{declaration.event:%s}', p_declaration_id, v_row.state,
                            CASE WHEN v_row.withdrawn THEN '（已撤销）' ELSE '' END, p_event);
    END IF;
    PERFORM access.require_role(p_region, v_row.fund, v_move.roles);
    IF v_move.second AND access.person(v_user) IS NOT DISTINCT FROM access.person(v_row.declared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'declare.same_person',
            DETAIL = format('申报%s由%s登记，须由另一人处理', p_declaration_id, v_row.declared_by);
    END IF;
    IF p_on < coalesce(v_last.business_date, v_row.declared_on) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'declare.date', DETAIL = format('%s早于申报%s的上一步', p_on, p_declaration_id);
    END IF;
    IF p_event IN ('withdraw', 'reject') THEN
        IF p_reason = '' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'declare.reason', DETAIL = '撤销或驳回须说明原因';
        END IF;
        WITH freed AS (DELETE FROM fund.declared WHERE region = p_region AND declaration_id = p_declaration_id RETURNING setl_id)
        SELECT coalesce(array_agg(setl_id ORDER BY setl_id COLLATE "C"), '{}') INTO v_free FROM freed;
    END IF;
    IF p_event = 'settle' AND EXISTS (
        SELECT 1 FROM fund.declared c
          JOIN fund.payable p ON p.region = c.region AND p.fund = c.fund AND p.setl_id = c.setl_id
         WHERE c.region = p_region AND c.declaration_id = p_declaration_id AND p.settled_by = '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.unsettled', DETAIL = format('申报%s尚有未结算的应付款', p_declaration_id);
    END IF;
    IF p_event IN ('pay', 'return') AND NOT EXISTS (
        SELECT 1 FROM fund.declaration_event e
          JOIN fund.sheet_order x ON x.region = e.region AND x.sheet_id = e.reason AND x.order_no = p_reason
          JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
         WHERE e.region = p_region AND e.declaration_id = p_declaration_id AND e.event = 'settle'
           AND o.state = CASE p_event WHEN 'pay' THEN 'paid' ELSE 'returned' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'declare.no_payment',
            DETAIL = format('申报%s的月结算没有已%s的拨付单“%s”', p_declaration_id,
                            CASE p_event WHEN 'pay' THEN '付妥' ELSE '退汇' END, p_reason);
    END IF;
    UPDATE fund.declaration SET state = v_move.to_state, withdrawn = p_event = 'withdraw'
     WHERE region = p_region AND declaration_id = p_declaration_id;
    INSERT INTO fund.declaration_event VALUES (p_region, p_declaration_id, coalesce(v_last.n, 0) + 1, p_event, v_row.state,
        v_move.to_state, v_user, p_on, p_reason, v_free);
    RETURN v_move.to_state;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER kept BEFORE UPDATE OR TRUNCATE ON fund.declared FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, declaration_id, institution, term, clr_type, clr_way, setlym, late, psntime,
    records, medfee_fen, med_sumfee_fen, fund_appy_fen, cash_fen, acct_fen, pool_fen, book_acct_fen, begndate, enddate, run_id, msgid,
    digest, declared_by, declared_on ON fund.declaration FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER begin_declaration AFTER INSERT ON fund.declaration FOR EACH ROW EXECUTE FUNCTION fund.begin_declaration();
CREATE OR REPLACE TRIGGER check_declaration BEFORE INSERT ON fund.declaration FOR EACH ROW EXECUTE FUNCTION fund.check_declaration();
CREATE OR REPLACE TRIGGER check_declared AFTER INSERT ON fund.declared REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_declared();
CREATE CONSTRAINT TRIGGER check_declaration_sums AFTER INSERT ON fund.declaration DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fund.check_declaration_sums();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.declaration
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.declaration_event
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.declaration_transition
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.settlement_list
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER signer BEFORE INSERT ON fund.settlement_list
    FOR EACH ROW WHEN (((new.loaded_by IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, new.loaded_by, '{maker,intake,system}'::text[])))) EXECUTE FUNCTION fund.refuse_signer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON fund.declaration TO fundledger_service;
GRANT SELECT ON fund.declaration TO fundledger_auditor;
GRANT SELECT ON fund.declaration_event TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.declaration_transition TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.declared TO fundledger_service;
GRANT SELECT ON fund.declared TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.settlement_list TO fundledger_service;
GRANT SELECT ON fund.settlement_list TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.move_declaration(integer,text,text,date,text) TO fundledger_service;
