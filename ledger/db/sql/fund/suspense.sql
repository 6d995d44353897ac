-- Bank papers nobody could match and files brought by hand: one person says what they are, another confirms.

-- Tables ------------------------------------------------------
CREATE TABLE payments.handed_file (
    region      integer NOT NULL,
    account     text NOT NULL,
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),   -- of the bytes before they were sealed: verify opens and compares them
    n           integer NOT NULL CHECK (n > 0),          -- handed in again after a refusal
    name        text NOT NULL CHECK (name <> '' AND translate(name, E'/|\\\n\r', '') = name),
    content     bytea NOT NULL,
    brought_by  text NOT NULL CHECK (brought_by <> ''),  -- clerk of the bank or colleague who brought it
    document    text NOT NULL CHECK (document <> ''),    -- the bank's letter or the inquiry it answers
    state       text NOT NULL CHECK (state IN ('requested', 'approved', 'refused', 'quarantined')),
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',                -- of a refusal; why it could not be read
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state IN ('requested', 'quarantined')) = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state IN ('refused', 'quarantined')) = (reason <> ''))
);

CREATE UNIQUE INDEX handed_once ON payments.handed_file (region, account, sha256) WHERE state <> 'refused';

-- Receipts that no order, request or notice explains, by what they are: which way the money goes, on which accounts and in which
-- funds there is such a thing, and what its reference is: whether 统筹 and 个账 are told apart in 职工 (none, may, must), a leaf of
-- the account it is of (leaf), the own account the money came from (account). Its rule is OWN.<what>.
CREATE TABLE payments.receipt_kind (
    what      text PRIMARY KEY,
    direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
    accounts  text[] NOT NULL CHECK (accounts <@ '{1002,1003,1004,1005}'),
    funds     smallint[] NOT NULL CHECK (funds <@ '{310,390}'),
    split     text NOT NULL CHECK (split IN ('none', 'may', 'must', 'leaf', 'account')),
    article   text NOT NULL CHECK (article <> '')
);

INSERT INTO payments.receipt_kind VALUES
    ('premium',              'credit', '{1002,1003,1005}', '{310,390}', 'may',  '财会〔2017〕28号4001三（一）'),
    ('premium_back',         'debit',  '{1002,1004}',      '{310,390}', 'must', '财会〔2017〕28号4001三（二）'),
    ('premium_back_earlier', 'debit',  '{1004}',           '{310,390}', 'must', '财会〔2017〕28号5401三（三）'),
    ('transfer_in',          'credit', '{1002,1003}',      '{310}',     'none', '财会〔2017〕28号4301二（一）'),
    ('transfer_in_back',     'debit',  '{1002}',           '{310}',     'none', '财会〔2017〕28号4301二（二）'),
    ('transfer_out',         'debit',  '{1004}',           '{310}',     'none', '财会〔2017〕28号5201二（一）'),
    ('transfer_out_back',    'credit', '{1002,1003,1004}', '{310}',     'none', '财会〔2017〕28号5201二（二）'),
    ('to_upper',             'debit',  '{1002,1003,1004}', '{310,390}', 'must', '财会〔2017〕28号5301三（一）'),
    ('to_lower',             'debit',  '{1003,1004}',      '{310,390}', 'must', '财会〔2017〕28号5302三（一）'),
    ('from_upper',           'credit', '{1002,1003,1004}', '{310,390}', 'must', '财会〔2017〕28号4401三（一）'),
    ('from_lower',           'credit', '{1002,1003}',      '{310,390}', 'must', '财会〔2017〕28号4402三（一）'),
    ('illness',              'debit',  '{1003,1004}',      '{310,390}', 'none', '财会〔2017〕28号5101二（一）（二）'),
    ('illness_back',         'credit', '{1002,1003}',      '{310,390}', 'none', '财会〔2017〕28号5101二（二）'),
    ('deposit_interest',     'credit', '{1002,1003,1005}', '{310,390}', 'may',  '财会〔2017〕28号4201三（一）'),
    ('float_back',           'debit',  '{1004}',           '{310,390}', 'none', '财会〔2017〕28号1003四（一）'),
    ('subsidy',              'credit', '{1003}',           '{310,390}', 'leaf', '财会〔2017〕28号4101三（一）'),
    ('to_fiscal',            'debit',  '{1002,1005}',      '{310,390}', 'none', '财会〔2017〕28号1002三（二）、1005二（二）'),
    ('from_own',             'credit', '{1003}',           '{310,390}', 'account', '财会〔2017〕28号1002三（二）、1005二（二）');

-- order: the payment or return of an order (reference: its number). request: money of a fund request (its id).
-- interest, fee, fee_back: the bank's own doing; reference is the move of the own account that books it.
-- to_return: not ours, or not of this account: stays open until the bank's opposite paper. counter: that opposite paper
-- (reference: kind:receipt_no of the paper it undoes); both are explained then, nothing is booked. same: the second paper of
-- a movement that is booked (reference: kind:receipt_no of the first), whose serial the bank wrote otherwise. voucher: booked by
-- hand before the paper came (reference: the voucher's id). other_side: the second paper of our own money that went from one own
-- account to another and is booked by the first (reference: the first's resolution, the request, the move). Else one of
-- payments.receipt_kind; reference is what that says. reversed: what was booked was reversed, the paper is open again.
CREATE TABLE payments.resolution (
    region        integer NOT NULL,
    fund          smallint NOT NULL CHECK (fund IN (310, 390)),
    resolution_id text NOT NULL CHECK (resolution_id ~ '^SUS-[0-9a-f]{20}$'),
    account       text NOT NULL,
    kind          text NOT NULL,
    receipt_no    text NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) = 32),   -- the paper's, as it was looked at
    what          text NOT NULL CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter', 'same', 'voucher',
        'premium', 'premium_back', 'premium_back_earlier', 'transfer_in', 'transfer_in_back', 'transfer_out', 'transfer_out_back',
        'to_upper', 'to_lower', 'from_upper', 'from_lower', 'illness', 'illness_back', 'deposit_interest', 'float_back',
        'subsidy', 'to_fiscal', 'from_own', 'other_side')),
    reference     text NOT NULL CHECK (reference <> '' OR what NOT IN ('order', 'request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher', 'subsidy', 'from_own', 'other_side')),
    document      text NOT NULL CHECK (document <> ''),         -- inquiry, letter or note it rests on
    state         text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused', 'reversed')),
    prepared_by   text NOT NULL,
    prepared_on   date NOT NULL,
    approved_by   text NOT NULL DEFAULT '',
    approved_on   date,
    reason        text NOT NULL DEFAULT '',
    direction     text NOT NULL,                                -- the paper's
    PRIMARY KEY (region, resolution_id),
    FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence,
    CHECK ((state = 'requested') = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (reason <> ''))
);

-- One proposal at a time for a paper; to_return may be followed by what it turned out to be.
CREATE UNIQUE INDEX one_resolution ON payments.resolution (region, account, kind, receipt_no, direction)
    WHERE state = 'requested' OR state = 'approved' AND what <> 'to_return';

-- A request, a move of an own account or a paper is the explanation of one paper.
CREATE UNIQUE INDEX resolution_reference ON payments.resolution (region, what, account, reference)
    WHERE what IN ('request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher', 'other_side') AND state NOT IN ('refused', 'reversed');

-- Functions ---------------------------------------------------
-- Handed in by who keeps the account's books, confirmed by a checker who is another human. The cashier keeps no books
-- (INV-11): who sends the money brings no proof of what became of it.
CREATE OR REPLACE FUNCTION payments.check_handed_file() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_funds smallint[] := payments.account_funds(NEW.region, NEW.account);
    v_actor text;
BEGIN
    FOR i IN 1 .. cardinality(v_funds) LOOP
        v_actor := access.require_role(NEW.region, v_funds[i], CASE TG_OP WHEN 'INSERT' THEN '{accountant}'::text[] ELSE '{checker}' END);
    END LOOP;
    IF TG_OP = 'INSERT' THEN
        IF v_actor IS NULL OR NEW.prepared_by <> v_actor OR NEW.state NOT IN ('requested', 'quarantined') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义登记，状态为已提出';
        END IF;
        IF EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u ON u.user_name = r.user_name
                    WHERE r.region = NEW.region AND r.role = 'cashier' AND NEW.brought_by IN (u.user_name, u.person, u.display_name)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'file.cashier',
                DETAIL = format('出纳%s不得取送银行回单文件：须由出纳以外的人送来', NEW.brought_by);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'requested' OR NEW.state NOT IN ('approved', 'refused') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('文件%s已办理（{handed.state:%s}），不能再改', OLD.name, OLD.state);
    END IF;
    IF NEW.approved_by IS DISTINCT FROM v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', NEW.prepared_by);
    END IF;
    RETURN NEW;
END $$;

-- A paper that a posted voucher waits for is that voucher's: nothing else is booked by it.
CREATE OR REPLACE FUNCTION payments.check_booked_by_voucher(r payments.resolution, p_fen bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF r.what = 'voucher' AND NOT EXISTS (SELECT 1 FROM books.awaiting(r.region, r.account, r.direction, p_fen) w
                                           WHERE (w.fund, w.voucher_id) = (r.fund, r.reference)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.voucher_differs',
            DETAIL = format('凭证%s没有在账户%s同方向、同金额而尚待回单的发生额', r.reference, r.account);
    ELSIF (r.what IN ('request', 'interest', 'fee', 'fee_back') OR EXISTS (SELECT 1 FROM payments.receipt_kind k WHERE k.what = r.what)) AND EXISTS (
            SELECT 1 FROM books.awaiting(r.region, r.account, r.direction, p_fen)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.booked_by_voucher',
            DETAIL = format('回单{paper.kind:%s}%s的收支已有手工凭证先行记账、正待回单：以voucher勾到该凭证，不能再记一次', r.kind, r.receipt_no);
    END IF;
END $$;

-- What is booked as our own money going from one own account to another and has its other side on this account: explained receipts
-- (A2, A4, a float given back), granted requests (A6), interest handed on and fees repaid (A15).
CREATE OR REPLACE FUNCTION payments.own_sides(p_region integer, p_account text, p_direction text, p_fen bigint)
RETURNS TABLE (fund smallint, reference text, day date) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.fund, r.resolution_id, v.booking_date
      FROM payments.resolution r
      JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind AND v.receipt_no = r.receipt_no
           AND v.direction = r.direction
     WHERE r.region = p_region AND r.state = 'approved' AND v.amount_fen = p_fen AND CASE p_direction
           WHEN 'credit' THEN r.what IN ('to_fiscal', 'float_back') AND EXISTS (
                SELECT 1 FROM payments.book_account a WHERE a.region = r.region AND a.fund = r.fund AND a.kind = '1003' AND a.account = p_account)
           ELSE r.what = 'from_own' AND r.reference = p_account END
    UNION ALL
    SELECT q.fund, q.request_id, q.granted_on FROM fund.fund_request q
     WHERE q.region = p_region AND q.state = 'granted' AND (q.fiscal_account, q.granted_fen, 'debit') = (p_account, p_fen, p_direction)
    UNION ALL
    SELECT m.fund, m.move_id, m.booked_on FROM fund.cash_move m
     WHERE m.region = p_region AND m.state = 'approved' AND (m.fiscal_account, m.amount_fen) = (p_account, p_fen)
       AND (m.kind = 'interest_out') = (p_direction = 'credit')
$$;

-- Of these those whose other side no paper has told yet.
CREATE OR REPLACE FUNCTION payments.open_sides(p_region integer, p_account text, p_direction text, p_fen bigint)
RETURNS TABLE (fund smallint, reference text, day date) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.fund, o.reference, o.day FROM payments.own_sides(p_region, p_account, p_direction, p_fen) o
     WHERE NOT EXISTS (SELECT 1 FROM payments.resolution r WHERE r.region = p_region AND r.what = 'other_side' AND r.reference = o.reference
                          AND (r.account, r.state) = (p_account, 'approved'))
     ORDER BY o.day, o.reference
$$;

-- Our own money is booked once, by the first of its two papers; the second explains itself by the first.
CREATE OR REPLACE FUNCTION payments.check_own_transfer(r payments.resolution, p_fen bigint, p_day date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    IF r.what = 'other_side' THEN
        IF NOT EXISTS (SELECT 1 FROM payments.open_sides(r.region, r.account, r.direction, p_fen) o
                        WHERE (o.fund, o.reference) = (r.fund, r.reference)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.side_differs',
                DETAIL = format('%s不是已记账的自有账户间划转，或其在账户%s的一方方向、金额不同，或已有回单', left(r.reference, 60), r.account);
        END IF;
        RETURN;
    END IF;
    SELECT o.reference INTO v FROM payments.open_sides(r.region, r.account, r.direction, p_fen) o
     WHERE r.what IN ('to_fiscal', 'from_own') OR EXISTS (SELECT 1 FROM payments.receipt_kind k WHERE k.what = r.what) AND abs(p_day - o.day) <= 10
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.own_booked',
            DETAIL = format('回单{paper.kind:%s}%s的自有账户间划转已由%s记账：以other_side勾到它，不能再记一次', r.kind, r.receipt_no, v.reference);
    END IF;
END $$;

-- Raises where a paper cannot be what is said of it.
CREATE OR REPLACE FUNCTION payments.require_receipt(v payments.evidence, p_fund smallint, p_what text, p_reference text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_kind    payments.receipt_kind;
    v_account text := (SELECT b.kind FROM payments.bank_account b WHERE b.region = v.region AND b.account = v.account);
BEGIN
    SELECT * INTO v_kind FROM payments.receipt_kind k WHERE k.what = p_what;
    IF NOT v_account = ANY (CASE WHEN p_what IN ('interest', 'fee', 'fee_back') THEN '{1004}'::text[] ELSE v_kind.accounts END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.account',
            DETAIL = format('账户%s是%s账户，不收付{resolution.what:%s}（%s）', v.account, v_account, p_what, CASE
                -- between own accounts: what this one may take in or hand on, and by which article
                WHEN p_what = 'from_own' AND v_account = '1002' THEN '收入户不接收自有账户的转入：财会〔2017〕28号1002三（一）'
                WHEN p_what = 'from_own' AND v_account = '1005' THEN '国库存款只收税务机关征收的保险费与利息：财会〔2017〕28号1005二（一）（三）'
                WHEN p_what = 'from_own' THEN '支出户只收财政专户拨入，以请款（request）办理：财会〔2017〕28号1003四（二）、1004三（一）'
                WHEN p_what = 'to_fiscal' AND v_account = '1004' THEN '支出户只缴回周转金（float_back）、缴出利息：财会〔2017〕28号1003四（一）、1004三（二）'
                ELSE coalesce(v_kind.article, '只在支出户') END);
    END IF;
    IF v_kind.what IS NULL THEN
        RETURN;
    ELSIF v.direction <> v_kind.direction THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.direction',
            DETAIL = format('回单%s的借贷方向不是{resolution.what:%s}', v.receipt_no, p_what);
    ELSIF NOT p_fund = ANY (v_kind.funds) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.fund',
            DETAIL = format('基金%s没有{resolution.what:%s}（%s）', p_fund, p_what, v_kind.article);
    ELSIF v_kind.split = 'leaf' AND NOT EXISTS (
            SELECT 1 FROM books.account a WHERE a.region = v.region AND a.fund = p_fund AND a.leaf AND a.account::text = p_reference
               AND p_reference ~ '^41010[123]0[12]$') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.leaf',
            DETAIL = format('{resolution.what:%s}的编号处“%s”：应为账套%s-%s的4101规定末级（如41010101）；记在其他明细的，以手工凭证凭此回单记账',
                            p_what, left(p_reference, 20), v.region, p_fund);
    ELSIF v_kind.split = 'account' AND NOT EXISTS (
            SELECT 1 FROM payments.book_account a WHERE a.region = v.region AND a.fund = p_fund AND a.account = p_reference
               AND a.kind IN ('1002', '1004', '1005')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.source',
            DETAIL = format('{resolution.what:%s}的编号处“%s”：应为账套%s-%s的收入户、国库存款的账号（财会〔2017〕28号1002三（二）、1005二（二）），或缴回周转金的支出户（1003四（一））',
                            p_what, left(p_reference, 40), v.region, p_fund);
    ELSIF v_kind.split IN ('none', 'may', 'must') AND NOT p_reference = ANY (CASE WHEN p_fund = 390 OR v_kind.split = 'none' THEN '{""}'::text[]
                                      WHEN v_kind.split = 'may' THEN '{"",pool,acct}' ELSE '{pool,acct}' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.subfund',
            DETAIL = format('{resolution.what:%s}的编号处“%s”：%s', p_what, left(p_reference, 20),
                            CASE WHEN p_fund = 390 OR v_kind.split = 'none' THEN '不写编号'
                                 WHEN v_kind.split = 'may' THEN '应为pool统筹、acct个账，未分清的不写' ELSE '应写明pool统筹或acct个账' END);
    ELSIF v.bank_reference <> '' AND EXISTS (SELECT 1 FROM payments.evidence o
            WHERE o.region = v.region AND o.account = v.account AND o.direction = v.direction AND o.bank_reference = v.bank_reference
              AND o.outcome IN ('posted', 'confirmed')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.movement_booked',
            DETAIL = format('银行流水%s的另一张回单已入账，同一笔收支不能再记', v.bank_reference);
    -- what a 支出户 hands back is its float, whichever of the two papers came first; interest handed on is a move of the account
    ELSIF (p_what = 'float_back' OR p_what = 'from_own' AND EXISTS (SELECT 1 FROM payments.book_account a
             WHERE a.region = v.region AND a.fund = p_fund AND a.account = p_reference AND a.kind = '1004')) AND v.amount_fen > fund.float_fen(v.region, p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.float',
            DETAIL = format('缴回周转金%s元，而账套%s-%s尚有周转金%s元', fund.yuan(v.amount_fen), v.region, p_fund, fund.yuan(fund.float_fen(v.region, p_fund)));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION payments.check_resolution() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text;
    paper  payments.evidence;
BEGIN
    SELECT * INTO paper FROM payments.evidence v
     WHERE v.region = NEW.region AND v.account = NEW.account AND v.kind = NEW.kind AND v.receipt_no = NEW.receipt_no
       AND v.direction = NEW.direction;
    IF TG_OP = 'INSERT' THEN
        acting := access.require_role(NEW.region, NEW.fund, '{accountant}');
        IF NEW.state <> 'requested' OR NEW.prepared_by <> acting THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出，状态为已提出';
        END IF;
        IF paper.outcome IS DISTINCT FROM 'suspense' OR paper.digest <> NEW.digest THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.not_open',
                DETAIL = format('回单{paper.kind:%s}%s不在挂账中，或内容不同', NEW.kind, NEW.receipt_no);
        END IF;
        IF NOT NEW.fund = ANY (payments.account_funds(NEW.region, NEW.account)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.other_book',
                DETAIL = format('账户%s不是账套%s-%s的账户', NEW.account, NEW.region, NEW.fund);
        END IF;
        PERFORM payments.check_booked_by_voucher(NEW, paper.amount_fen);
        PERFORM payments.check_own_transfer(NEW, paper.amount_fen, paper.booking_date);
        PERFORM payments.require_unmatched(NEW.region, NEW.account, NEW.kind, NEW.receipt_no);
        PERFORM payments.require_receipt(paper, NEW.fund, NEW.what, NEW.reference);
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) = ('approved', 'reversed')
       AND books.key_reversed(NEW.region, NEW.fund, CASE NEW.what WHEN 'voucher' THEN 'MAN:' ELSE 'CASH:' END || NEW.reference) THEN
        RETURN NEW;
    END IF;
    IF OLD.state <> 'requested' OR NEW.state NOT IN ('approved', 'refused') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
    END IF;
    PERFORM access.require_second(NEW.region, NEW.fund, NEW.prepared_by, NEW.approved_by);
    IF NEW.state = 'approved' THEN
        PERFORM payments.check_booked_by_voucher(NEW, paper.amount_fen);
        PERFORM payments.check_own_transfer(NEW, paper.amount_fen, paper.booking_date);
        PERFORM payments.require_unmatched(NEW.region, NEW.account, NEW.kind, NEW.receipt_no);
    END IF;
    IF NEW.state = 'approved' AND paper.outcome IS DISTINCT FROM 'suspense' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.not_open', DETAIL = format('回单{paper.kind:%s}%s已不在挂账中', NEW.kind, NEW.receipt_no);
    END IF;
    IF NEW.state = 'approved' THEN
        PERFORM payments.require_receipt(paper, NEW.fund, NEW.what, NEW.reference);
    END IF;
    RETURN NEW;
END $$;

-- Whether a paper in suspense has been explained: by two persons here, by a signed movement with its receipt number, or
-- because the other paper of the same movement posted. What came for an order not yet sent the program looks at again itself.
CREATE OR REPLACE FUNCTION payments.explained(v payments.evidence, p_outcome text, p_order text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.outcome_code = 'order_not_sent' AND (p_outcome = 'posted' OR EXISTS (
               SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account AND o.direction = v.direction
                  AND o.bank_reference = v.bank_reference AND o.bank_reference <> '' AND o.outcome = 'posted' AND o.matched_order = p_order))
        OR EXISTS (
           SELECT 1 FROM payments.resolution r
            WHERE r.region = v.region AND r.account = v.account AND r.kind = v.kind AND r.receipt_no = v.receipt_no
              AND r.direction = v.direction AND r.state = 'approved'
              AND CASE r.what
                  WHEN 'order' THEN r.reference = p_order
                  WHEN 'request' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM fund.fund_request q WHERE q.region = v.region AND q.request_id = r.reference AND q.state = 'granted'
                          AND (q.granted_fen, q.account, v.direction) = (v.amount_fen, v.account, 'credit'))
                  WHEN 'counter' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account
                          AND o.kind || ':' || o.receipt_no = r.reference AND o.amount_fen = v.amount_fen AND o.direction <> v.direction)
                  WHEN 'same' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account AND o.kind <> v.kind
                          AND o.kind || ':' || o.receipt_no = r.reference AND o.outcome IN ('posted', 'confirmed') AND o.matched_order = p_order
                          AND (o.direction, o.amount_fen, o.booking_date) = (v.direction, v.amount_fen, v.booking_date))
                  WHEN 'to_return' THEN false
                  WHEN 'voucher' THEN p_outcome = 'confirmed' AND books.voucher_stands(r.region, r.fund, r.reference)
                  WHEN 'other_side' THEN p_outcome = 'confirmed' AND EXISTS (
                       SELECT 1 FROM payments.own_sides(v.region, v.account, v.direction, v.amount_fen) o WHERE (o.fund, o.reference) = (r.fund, r.reference))
                  ELSE p_outcome = 'confirmed' AND (EXISTS (
                       SELECT 1 FROM fund.cash_move m WHERE m.region = v.region AND m.move_id = r.reference AND m.state = 'approved'
                          AND (m.account, m.amount_fen, m.booked_on) = (v.account, v.amount_fen, v.booking_date))
                       OR EXISTS (SELECT 1 FROM payments.receipt_kind k JOIN books.source s ON s.region = r.region AND s.fund = r.fund
                                     AND s.source_key = 'OWN:' || r.resolution_id WHERE k.what = r.what)) END)
        OR p_outcome = 'confirmed' AND EXISTS (      -- a posted hand-written voucher rests on it
           SELECT 1 FROM books.voucher_paper p
            WHERE p.region = v.region AND (p.account, p.kind, p.receipt_no, p.direction, p.digest) = (v.account, v.kind, v.receipt_no, v.direction, v.digest)
              AND books.voucher_stands(p.region, p.fund, p.voucher_id))
        OR p_outcome = 'confirmed' AND EXISTS (      -- undone by another paper
           SELECT 1 FROM payments.resolution r
            WHERE r.region = v.region AND r.account = v.account AND r.what = 'counter' AND r.state = 'approved'
              AND r.reference = v.kind || ':' || v.receipt_no AND r.direction <> v.direction)
        OR p_outcome = 'confirmed' AND EXISTS (
           SELECT 1 FROM fund.cash_move m
            WHERE m.region = v.region AND m.account = v.account AND m.receipt_no = v.receipt_no AND m.amount_fen = v.amount_fen
              AND m.booked_on = v.booking_date AND m.state = 'approved' AND (m.kind IN ('interest_out', 'fee')) = (v.direction = 'debit'))
        OR p_outcome = 'confirmed' AND EXISTS (
           SELECT 1 FROM fund.outregion_move m
            WHERE m.region = v.region AND m.account = v.account AND m.receipt_no = v.receipt_no AND m.amount_fen = v.amount_fen
              AND m.booked_on = v.booking_date AND m.state = 'done' AND v.direction = 'credit')
        OR p_outcome = 'confirmed' AND v.bank_reference <> '' AND EXISTS (   -- another paper of the same movement is explained
           SELECT 1 FROM payments.evidence o
            WHERE o.region = v.region AND o.account = v.account AND (o.kind, o.receipt_no) <> (v.kind, v.receipt_no)
              AND o.outcome IN ('confirmed', 'posted') AND o.matched_order = p_order
              AND (o.direction, o.bank_reference, o.amount_fen, o.booking_date) = (v.direction, v.bank_reference, v.amount_fen, v.booking_date))
$$;

-- A movement is booked with a paper nobody has explained yet: its other paper was booked, and this is no second one.
CREATE OR REPLACE FUNCTION fund.check_move_paper() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_direction text := CASE WHEN to_jsonb(NEW) ->> 'kind' IN ('interest_out', 'fee') THEN 'debit' ELSE 'credit' END;
BEGIN
    -- A number that the bank gave a debit and its return alike: the paper of the other direction is of another movement.
    IF EXISTS (SELECT 1 FROM payments.evidence v WHERE v.region = NEW.region AND v.account = NEW.account AND v.receipt_no = NEW.receipt_no
                  AND v.outcome <> 'suspense' AND (v.direction = v_direction OR NOT EXISTS (
                      SELECT 1 FROM payments.evidence o WHERE o.region = v.region AND o.account = v.account
                         AND o.receipt_no = v.receipt_no AND o.direction = v_direction))) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cash.paper_differs',
            DETAIL = format('回单%s已用于其他款项，或与另一回单同为一笔已入账的收支', NEW.receipt_no);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON payments.receipt_kind FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_handed_file BEFORE INSERT OR UPDATE ON payments.handed_file
    FOR EACH ROW EXECUTE FUNCTION payments.check_handed_file();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.handed_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, account, sha256, n, name, content, brought_by, document, prepared_by, prepared_on
    ON payments.handed_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_resolution BEFORE INSERT OR UPDATE ON payments.resolution FOR EACH ROW EXECUTE FUNCTION payments.check_resolution();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.resolution FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, resolution_id, account, kind, receipt_no, digest, what, reference, document,
    prepared_by, prepared_on ON payments.resolution FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON payments.handed_file TO fundledger_service;
GRANT SELECT ON payments.handed_file TO fundledger_auditor;
GRANT UPDATE (state, approved_by, approved_on, reason) ON payments.handed_file TO fundledger_service;
GRANT SELECT, INSERT ON payments.resolution TO fundledger_service;
GRANT SELECT ON payments.resolution TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (state, approved_by, approved_on, reason) ON payments.resolution TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.check_booked_by_voucher(payments.resolution,bigint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.own_sides(integer,text,text,bigint) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.open_sides(integer,text,text,bigint) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.check_own_transfer(payments.resolution,bigint,date) TO fundledger_service;
GRANT SELECT ON payments.receipt_kind TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.require_receipt(payments.evidence,smallint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.explained(payments.evidence,text,text) TO fundledger_service, fundledger_auditor;
