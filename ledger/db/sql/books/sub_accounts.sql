-- Accounts an agency adds below the chart (28号 总说明十(四)), and closes again: proposed by one person, confirmed by another.

-- Tables ------------------------------------------------------
-- `name` is the account's own, without its parents'; `dims` what its lines ask for, from its parent or its sisters.
CREATE TABLE books.account_change (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    account     integer NOT NULL,
    n           smallint NOT NULL CHECK (n > 0),
    act         text NOT NULL CHECK (act IN ('add', 'close')),
    name        text NOT NULL,
    dims        smallint NOT NULL,
    state       text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, account, n),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK (decided_by <> proposed_by),
    CHECK (decided_on >= proposed_on),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_account_change ON books.account_change (region, fund, account) WHERE state = 'proposed';

-- Functions ---------------------------------------------------
-- Accounts that stay leaves because rules post to them by their code, or the bank's kinds are told by it: rules.csv, places.csv,
-- closing.csv, the bank deposits, the program's own (a test holds this against all of them). The memorandum section is whole.
CREATE OR REPLACE FUNCTION books.rule_named(p_fund smallint, p_account integer) RETURNS boolean LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_account::text ~ '^(9|3001|5001)'
        OR p_account IN (1002, 1003, 1004, 1005, 110101, 110102, 110103, 110104, 110105, 110109, 200103, 200104, 4601, 4602)
        OR p_fund = 310 AND p_account IN (42010101, 42010201, 45010101, 45010109, 45010201, 45010209)
        OR p_fund = 390 AND p_account IN (420101, 450101, 450109)
$$;

-- What a proposal says, hashed: what the second person confirms.
CREATE OR REPLACE FUNCTION books.account_change_digest(c books.account_change) RETURNS bytea LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(concat_ws('|', 'account', c.region, c.fund, c.account, c.n, c.act, c.name, c.dims, c.proposed_by,
                                       c.proposed_on), 'UTF8'))
$$;

-- Raises where an account still has something that would be cut off if it took no more lines: a balance (moved first), a line of
-- this accounting year (its red copy stands on the same account), or a voucher that waits.
CREATE OR REPLACE FUNCTION books.require_idle(p_region integer, p_fund smallint, p_account integer, p_on date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM books.balance b WHERE b.region = p_region AND b.fund = p_fund AND b.account = p_account
                GROUP BY b.dim HAVING sum(b.debit - b.credit) <> 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.has_balance',
            DETAIL = format('科目%s还有余额：请先转出，再办理', p_account);
    END IF;
    IF EXISTS (SELECT 1 FROM books.balance b WHERE b.region = p_region AND b.fund = p_fund AND b.account = p_account
                  AND b.period / 100 >= extract(year FROM p_on)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.used_this_year',
            DETAIL = format('科目%s在%s年已有发生额，其凭证还须能以红字更正：请在下一会计年度办理', p_account, extract(year FROM p_on));
    END IF;
    IF EXISTS (SELECT 1 FROM books.voucher_line l
                WHERE l.region = p_region AND l.fund = p_fund AND l.account = p_account AND NOT EXISTS (
                      SELECT 1 FROM books.voucher_decision d
                       WHERE d.region = l.region AND d.fund = l.fund AND d.voucher_id = l.voucher_id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.draft_waits',
            DETAIL = format('科目%s有待复核的手工凭证：请先办结', p_account);
    END IF;
END $$;

-- Raises where an account may not be added on a day; returns what its lines ask for. `p_name`: its own, without its parents'.
CREATE OR REPLACE FUNCTION books.require_addable(p_region integer, p_fund smallint, p_account integer, p_name text, p_on date)
RETURNS smallint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_parent books.account; v_flaw text := fund.text_flaw(p_name, '科目名称', 40); v_mandated text; v_dims smallint;
BEGIN
    IF v_flaw IS NOT NULL OR position('—' IN p_name) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'account.name',
            DETAIL = coalesce(v_flaw, format('科目名称“%s”不合规：各级名称以—相连，本级名称中不能有', p_name));
    END IF;
    IF p_account::text !~ '^[1-9][0-9]{5}([0-9]{2})?$' OR p_account % 100 = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'account.code',
            DETAIL = format('科目%s不合规：明细科目为上级科目加两位（01至99），至多8位', p_account);
    END IF;
    IF p_account::text LIKE '9%' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.memorandum', DETAIL = format('备查账科目%s只由规则记账，不设明细', p_account);
    END IF;
    SELECT * INTO v_parent FROM books.account a WHERE a.region = p_region AND a.fund = p_fund AND a.account = p_account / 100;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'account.parent_unknown',
            DETAIL = format('科目%s的上级科目%s不存在', p_account, p_account / 100);
    END IF;
    IF EXISTS (SELECT 1 FROM books.account a WHERE a.region = p_region AND a.fund = p_fund
                  AND (a.account = p_account OR a.account / 100 = p_account / 100 AND a.account > 9999 AND a.name = v_parent.name || '—' || p_name)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.taken',
            DETAIL = format('科目%s（%s）：科目编码或名称已有', p_account, p_name);
    END IF;
    IF books.account_closed(p_region, p_fund, v_parent.account) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.closed', DETAIL = format('上级科目%s已停用', v_parent.account);
    END IF;
    IF books.rule_named(p_fund, v_parent.account) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.rule_named',
            DETAIL = format('记账规则按编码记到科目%s（%s），其下不设明细科目', v_parent.account, v_parent.name);
    END IF;
    IF v_parent.leaf THEN
        PERFORM books.require_idle(p_region, p_fund, v_parent.account, p_on);
        v_dims := v_parent.dims;
    ELSE
        -- Below an account that is divided already: what it carries to, and which row of the statements it is in, must be certain.
        IF NOT (v_parent.class IN ('资产', '负债') OR v_parent.account::text LIKE '4101%' OR p_fund = 390 OR v_parent.account > 9999) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.no_place',
                DETAIL = format('科目%s分统筹基金、个人账户基金，请在其下级之下设明细：否则结转与报表无从列入', v_parent.account);
        END IF;
        SELECT bit_and(a.dims) INTO v_dims FROM books.account a
         WHERE a.region = p_region AND a.fund = p_fund AND a.account / 100 = v_parent.account AND a.leaf;
        v_dims := coalesce(v_dims, v_parent.dims);
    END IF;
    -- 4101二: these are given, wherever they are added late.
    v_mandated := CASE WHEN p_account IN (410101, 410102, 410103) THEN (ARRAY['中央财政补贴', '省级财政补贴', '市级财政补贴'])[p_account - 410100]
                       WHEN p_account / 100 IN (410101, 410102, 410103) AND p_account % 100 < 3
                       THEN (ARRAY['缴费补贴', '待遇补贴'])[p_account % 100] END;
    IF v_mandated <> p_name THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.mandated',
            DETAIL = format('科目%s是规定的明细科目，名称应为“%s”', p_account, v_mandated);
    END IF;
    RETURN v_dims;
END $$;

-- Whether an added account takes no more lines.
CREATE OR REPLACE FUNCTION books.account_closed(p_region integer, p_fund smallint, p_account integer) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM books.account_change c WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account
                      AND c.act = 'close' AND c.state = 'confirmed')
$$;

-- Raises where an account may not be closed on a day: one of the chart, one that is divided, one with anything left.
CREATE OR REPLACE FUNCTION books.require_closing(p_region integer, p_fund smallint, p_account integer, p_on date) RETURNS books.account_change
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_added books.account_change;
BEGIN
    SELECT * INTO v_added FROM books.account_change c WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account
       AND c.act = 'add' AND c.state = 'confirmed';
    IF NOT FOUND OR p_account::text ~ '^41010[123](0[12])?$' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'account.not_added',
            DETAIL = format('科目%s不是经办机构增设的明细科目，不能停用', p_account);
    END IF;
    IF books.account_closed(p_region, p_fund, p_account) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.closed', DETAIL = format('科目%s已停用', p_account);
    END IF;
    IF EXISTS (SELECT 1 FROM books.account a WHERE a.region = p_region AND a.fund = p_fund AND a.account / 100 = p_account
                  AND NOT books.account_closed(p_region, p_fund, a.account)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.divided', DETAIL = format('科目%s之下还有明细科目：请先停用明细', p_account);
    END IF;
    PERFORM books.require_idle(p_region, p_fund, p_account, p_on);
    RETURN v_added;
END $$;

-- The day on which a person acts: not before the book, not beyond what books.outer_day bears.
CREATE OR REPLACE FUNCTION books.require_account_day(p_region integer, p_fund smallint, p_on date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_opened date;
BEGIN
    SELECT k.opened_on INTO v_opened FROM books.book k WHERE k.region = p_region AND k.fund = p_fund;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'book.unknown', DETAIL = format('账套%s-%s不存在', p_region, p_fund);
    END IF;
    IF p_on IS NULL OR p_on < v_opened OR p_on > books.outer_day(p_region, p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'account.day',
            DETAIL = format('办理日期%s早于建账日%s，或晚于今日', p_on, v_opened);
    END IF;
END $$;

-- Proposes adding or closing an account; returns the digest. The same again changes nothing.
CREATE OR REPLACE FUNCTION books.propose_account(p_region integer, p_fund smallint, p_account integer, p_act text, p_name text, p_on date)
RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text := access.require_role(p_region, p_fund, '{accountant,maker}'); v books.account_change;
BEGIN
    PERFORM books.require_account_day(p_region, p_fund, p_on);
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;   -- two proposals at once
    SELECT * INTO v FROM books.account_change c
     WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account AND c.state = 'proposed';
    IF FOUND THEN
        IF (v.act, v.proposed_by) = (p_act, v_actor) AND p_act = 'close' OR (v.act, v.proposed_by, v.name) = (p_act, v_actor, p_name) THEN
            RETURN v.digest;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.waits',
            DETAIL = format('科目%s已由%s提出，待另一人确认或退回', p_account, v.proposed_by);
    END IF;
    SELECT p_region, p_fund, p_account, coalesce(max(c.n), 0) + 1 INTO v.region, v.fund, v.account, v.n
      FROM books.account_change c WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account;
    IF p_act = 'close' THEN
        SELECT c.name, c.dims INTO v.name, v.dims FROM books.require_closing(p_region, p_fund, p_account, p_on) c;
    ELSE
        v.dims := books.require_addable(p_region, p_fund, p_account, p_name, p_on);
        v.name := p_name;
    END IF;
    v.act := p_act; v.state := 'proposed'; v.proposed_by := v_actor; v.proposed_on := p_on; v.decided_by := ''; v.reason := '';
    v.digest := books.account_change_digest(v);
    INSERT INTO books.account_change VALUES (v.*);
    RETURN v.digest;
END $$;

-- Confirms (no reason) or refuses (a reason) what waits, named by its digest, as another person. The book's head is held, so that
-- nothing is posted to the parent meanwhile; what held when it was proposed must hold still.
CREATE OR REPLACE FUNCTION books.decide_account(p_region integer, p_fund smallint, p_account integer, p_digest bytea, p_reason text, p_on date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text := access.require_role(p_region, p_fund, '{checker}'); v books.account_change; v_parent books.account;
BEGIN
    PERFORM books.require_account_day(p_region, p_fund, p_on);
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    SELECT * INTO v FROM books.account_change c
     WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account AND c.state = 'proposed' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'account.unproposed', DETAIL = format('科目%s没有待确认的提议', p_account);
    END IF;
    IF access.person(v_actor) IS NOT DISTINCT FROM access.person(v.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v.proposed_by);
    END IF;
    IF p_digest IS DISTINCT FROM v.digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.changed', DETAIL = format('科目%s的提议与所核对的摘要不符', p_account);
    END IF;
    IF p_on < v.proposed_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'account.day',
            DETAIL = format('确认日期%s早于提出日期%s', p_on, v.proposed_on);
    END IF;
    IF p_reason = '' AND v.act = 'close' THEN
        PERFORM books.require_closing(p_region, p_fund, p_account, p_on);
    ELSIF p_reason = '' AND books.require_addable(p_region, p_fund, p_account, v.name, p_on) <> v.dims THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'account.changed', DETAIL = format('科目%s的上级科目已改变：请退回重提', p_account);
    END IF;
    UPDATE books.account_change c SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, decided_by = v_actor,
           decided_on = p_on, reason = p_reason
     WHERE c.region = p_region AND c.fund = p_fund AND c.account = p_account AND c.n = v.n;
    IF p_reason <> '' THEN
        RETURN;
    ELSIF v.act = 'close' THEN
        UPDATE books.account a SET leaf = false WHERE a.region = p_region AND a.fund = p_fund AND a.account = p_account;
        RETURN;
    END IF;
    UPDATE books.account a SET leaf = false WHERE a.region = p_region AND a.fund = p_fund AND a.account = p_account / 100 AND a.leaf;
    SELECT * INTO v_parent FROM books.account a WHERE a.region = p_region AND a.fund = p_fund AND a.account = p_account / 100;
    INSERT INTO books.account VALUES (p_region, p_fund, p_account, v_parent.name || '—' || v.name, v_parent.section, v_parent.class,
                                      v_parent.normal_side, true, v.dims);
END $$;

-- An account changes in one thing only: it takes no more lines.
CREATE OR REPLACE FUNCTION books.check_account_row() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_jsonb(NEW) - 'leaf' <> to_jsonb(OLD) - 'leaf' OR NEW.leaf THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.frozen', DETAIL = format('科目%s不得修改', OLD.account);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.account_change
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.account_change
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER kept BEFORE UPDATE ON books.account FOR EACH ROW EXECUTE FUNCTION books.check_account_row();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT, UPDATE ON books.account_change TO fundledger_poster;
GRANT SELECT ON books.account_change TO fundledger_service, fundledger_auditor;
GRANT UPDATE (leaf) ON books.account TO fundledger_poster;
ALTER FUNCTION books.decide_account(integer,smallint,integer,bytea,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.decide_account(integer,smallint,integer,bytea,text,date) TO fundledger_service;
ALTER FUNCTION books.propose_account(integer,smallint,integer,text,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.propose_account(integer,smallint,integer,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.account_change_digest(books.account_change) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.account_closed(integer,smallint,integer) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.require_account_day(integer,smallint,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.require_addable(integer,smallint,integer,text,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.require_closing(integer,smallint,integer,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.require_idle(integer,smallint,integer,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.rule_named(smallint,integer) TO fundledger_poster, fundledger_auditor;
