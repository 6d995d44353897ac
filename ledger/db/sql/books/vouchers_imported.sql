-- Vouchers in bulk: drafted from a file of the tax or the fiscal office, and a list of drafts approved under one digest.

-- Tables ------------------------------------------------------
-- A file of the tax office or the fiscal office as it came, sealed for the home's key, with the first answer it got.
CREATE TABLE books.import_file (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('tax', 'fiscal')),
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),
    name        text NOT NULL CHECK (name <> '' AND translate(name, E'|\\/\n\r\t', '') = name),
    content     bytea NOT NULL,
    imported_by text NOT NULL,
    imported_on date NOT NULL CHECK (isfinite(imported_on)),
    good        integer NOT NULL CHECK (good >= 0),
    bad         integer NOT NULL CHECK (bad >= 0),
    amount_fen  bigint NOT NULL,          -- what the debits of its drafts come to
    PRIMARY KEY (region, fund, sha256),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Its rows: a draft each, or what is wrong with it (field, code, sentence). A key is drafted once over all files of its kind;
-- once more only where the draft before was rejected or withdrawn.
CREATE TABLE books.import_row (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    sha256     bytea NOT NULL,
    line       integer NOT NULL CHECK (line > 0),
    kind       text NOT NULL,
    key        text NOT NULL,
    attempt    smallint NOT NULL CHECK (attempt >= 0),
    voucher_id text,
    field      text NOT NULL DEFAULT '',
    code       text NOT NULL DEFAULT '',
    message    text NOT NULL DEFAULT '',
    raw        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, sha256, line),
    FOREIGN KEY (region, fund, sha256) REFERENCES books.import_file,
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    CHECK ((voucher_id IS NULL) = (code <> '') AND (voucher_id IS NULL) = (attempt = 0)),
    CHECK (voucher_id IS NULL OR key <> '')
);

CREATE UNIQUE INDEX import_key ON books.import_row (region, fund, kind, key, attempt) WHERE voucher_id IS NOT NULL;
CREATE UNIQUE INDEX import_voucher ON books.import_row (region, fund, voucher_id) WHERE voucher_id IS NOT NULL;

-- Functions ---------------------------------------------------
-- What a template is filled with beside the chart: the book's own bank accounts, and which parties are on a kept list.
CREATE OR REPLACE FUNCTION books.own_banks(p_region integer, p_fund smallint) RETURNS TABLE (account text, kind text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.account, k.kind FROM payments.book_account k WHERE k.region = p_region AND k.fund = p_fund ORDER BY k.kind, k.account
$$;

CREATE OR REPLACE FUNCTION books.known_parties(p_region integer, p_parties text[]) RETURNS TABLE (party text, known boolean) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p, fund.known_party(p_region, p) FROM unnest(p_parties) AS p
$$;

-- Many drafts at once under the acting user's name, as books.draft_voucher() makes one; p_of names each line's draft (from 1).
-- Their ids, in order. Set by set, never draft by draft. No scans of whole tables: a foreign key's question planned while its table
-- is small would else read all of it for every row that comes.
CREATE OR REPLACE FUNCTION books.draft_vouchers(p_region integer, p_fund smallint, p_on date, p_business date[], p_summaries text[],
                                     p_evidences text[], p_attachments integer[], p_of integer[], p_sides smallint[], p_amounts bigint[],
                                     p_accounts integer[], p_counterparties text[], p_subfunds text[], p_years smallint[], p_terms integer[],
                                     p_categories text[], p_templates text[] DEFAULT NULL)
RETURNS text[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET enable_nestloop = off SET enable_seqscan = off AS $$
DECLARE
    v_actor   text := access.require_role(p_region, p_fund, '{accountant,maker}');
    v_bad     record;
    v_texts   text[];
    v_ids     text[];
    v_digests bytea[];
    v_version integer[];
BEGIN
    IF access.has_role(p_region, p_fund, v_actor, '{cashier}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.cashier_posts', DETAIL = format('出纳%s不得填制凭证', v_actor);
    END IF;
    PERFORM books.refuse_future(p_region, p_fund, (SELECT max(d) FROM unnest(p_business) AS d), p_on);
    IF (SELECT min(d) FROM unnest(p_business) AS d) < (SELECT date_trunc('month', k.opened_on)::date FROM books.book k WHERE k.region = p_region AND k.fund = p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'voucher.before_opening',
            DETAIL = format('业务日期%s早于账套%s-%s的建账月份，建账以前的业务不在此账套制单', (SELECT min(d) FROM unnest(p_business) AS d), p_region, p_fund);
    END IF;
    SELECT l.of, count(*) AS legs, sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) <> '9') AS statutory,
           sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) = '9') AS memorandum INTO v_bad
      FROM unnest(p_of, p_sides, p_amounts, p_accounts) AS l (of, side, fen, account)
     GROUP BY l.of HAVING count(*) < 2 OR coalesce(sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) <> '9'), 0) <> 0
         OR coalesce(sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) = '9'), 0) <> 0
         OR l.of IS NULL OR l.of NOT BETWEEN 1 AND cardinality(p_business)
     ORDER BY l.of LIMIT 1;
    IF FOUND OR (SELECT count(DISTINCT o) FROM unnest(p_of) AS o) <> cardinality(p_business) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = CASE WHEN v_bad.legs >= 2 THEN 'entry.unbalanced' ELSE 'entry.too_few_lines' END,
            DETAIL = format('第%s张凭证有%s行；会计账借贷差%s元，备查账借贷差%s元', coalesce(v_bad.of, 0), coalesce(v_bad.legs, 0), fund.yuan(v_bad.statutory), fund.yuan(v_bad.memorandum));
    END IF;
    SELECT l.account, a.name, CASE WHEN a.account IS NULL THEN 'account.unknown' WHEN NOT a.leaf THEN 'account.not_leaf'
                                   ELSE 'dimension.mismatch' END AS code INTO v_bad
      FROM (SELECT DISTINCT l.account, (l.party <> '')::int + 2 * (l.subfund <> '')::int + 4 * (l.year <> 0)::int + 8 * (l.term <> 0)::int
                                       + 16 * (l.category <> '')::int AS asked
              FROM unnest(p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
                   AS l (account, party, subfund, year, term, category)) l
      LEFT JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = l.account
     WHERE a.account IS NULL OR NOT a.leaf OR a.dims <> l.asked LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = v_bad.code,
            DETAIL = format('科目%s（%s）不存在、不是末级，或辅助核算与科目要求不符', v_bad.account, coalesce(v_bad.name, '未知'));
    END IF;
    SELECT l.party INTO v_bad FROM (SELECT DISTINCT party FROM unnest(p_counterparties) AS party WHERE party <> '') l
     WHERE NOT fund.known_party(p_region, l.party) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'party.unknown',
            DETAIL = format('往来单位“%s”不在册：机构、自有账户、统筹区、往来单位须先登记并由另一人确认', left(v_bad.party, 60));
    END IF;
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    PERFORM books.refuse_backwards(p_region, p_fund, (SELECT array_agg(DISTINCT a) FROM unnest(p_accounts) AS a), p_on, p_on);
    SELECT array_agg(t.text ORDER BY t.of) INTO v_texts
      FROM (SELECT l.of, string_agg(concat_ws('|', l.n, l.side, l.fen, l.account, l.party, l.subfund, l.year, l.term, l.category), E'\n' ORDER BY l.n) AS text
              FROM (SELECT r.*, row_number() OVER (PARTITION BY r.of ORDER BY r.place) AS n
                      FROM unnest(p_of, p_sides, p_amounts, p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
                           WITH ORDINALITY AS r (of, side, fen, account, party, subfund, year, term, category, place)) l GROUP BY l.of) t;
    -- The version after those turned down: one look where none of the contents was drafted before.
    v_version := array_fill(1, ARRAY[cardinality(p_business)]);
    LOOP
        SELECT array_agg(d.digest ORDER BY d.n), array_agg('MV-' || left(encode(d.digest, 'hex'), 20) ORDER BY d.n) INTO v_digests, v_ids
          FROM (SELECT u.n, books.voucher_text_digest(p_region, p_fund, u.version, u.business, 0, u.summary, u.evidence, u.attachments, v_actor, u.text,
                                                 u.template) AS digest
                  FROM unnest(v_version, p_business, p_summaries, p_evidences, p_attachments, v_texts, p_templates)
                       WITH ORDINALITY AS u (version, business, summary, evidence, attachments, text, template, n)) d;
        SELECT array_agg(u.version + (w.voucher_id IS NOT NULL)::int ORDER BY u.n) INTO v_version
          FROM unnest(v_version, v_ids) WITH ORDINALITY AS u (version, id, n)
          LEFT JOIN books.voucher w ON w.region = p_region AND w.fund = p_fund AND w.voucher_id = u.id;
        EXIT WHEN NOT EXISTS (SELECT 1 FROM books.voucher w WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = ANY (v_ids));
    END LOOP;
    INSERT INTO books.voucher (region, fund, voucher_id, version, business_date, reverses_seq, summary, evidence, attachments, prepared_by,
                               prepared_on, digest, template)
    SELECT p_region, p_fund, u.id, u.version, u.business, 0, u.summary, u.evidence, u.attachments, v_actor, p_on, u.digest, u.template
      FROM unnest(v_ids, v_version, p_business, p_summaries, p_evidences, p_attachments, v_digests, p_templates)
           AS u (id, version, business, summary, evidence, attachments, digest, template);
    INSERT INTO books.voucher_line
    SELECT p_region, p_fund, i.id, row_number() OVER (PARTITION BY r.of ORDER BY r.place), r.side, r.fen, r.account, r.party, r.subfund,
           r.year, r.term, r.category
      FROM unnest(p_of, p_sides, p_amounts, p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
           WITH ORDINALITY AS r (of, side, fen, account, party, subfund, year, term, category, place)
      JOIN unnest(v_ids) WITH ORDINALITY AS i (id, n) ON i.n = r.of;
    IF array_remove(p_templates, NULL) <> '{}' THEN
        PERFORM books.check_template_use(p_region, p_fund, v_ids, p_on);
    END IF;
    RETURN v_ids;
END $$;

-- Takes a file in, once by its bytes: a draft for every good row (p_lines, p_keys and the drafts' arrays go together), the bad
-- rows beside them with what is wrong. False where the file was here before: its first answer stands.
CREATE OR REPLACE FUNCTION books.import_vouchers(p_region integer, p_fund smallint, p_kind text, p_name text, p_sha256 bytea, p_content bytea, p_on date,
                                     p_lines integer[], p_keys text[], p_raws text[],
                                     p_business date[], p_summaries text[], p_evidences text[], p_attachments integer[], p_of integer[],
                                     p_sides smallint[], p_amounts bigint[], p_accounts integer[], p_counterparties text[], p_subfunds text[],
                                     p_years smallint[], p_terms integer[], p_categories text[],
                                     p_bad_lines integer[], p_bad_keys text[], p_fields text[], p_codes text[], p_messages text[], p_bad_raws text[],
                                     p_templates text[] DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant,maker}');
    v_ids   text[] := '{}';
    v_key   text;
BEGIN
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF EXISTS (SELECT 1 FROM books.import_file f WHERE f.region = p_region AND f.fund = p_fund AND f.sha256 = p_sha256) THEN
        RETURN false;
    END IF;
    IF cardinality(p_lines) > 0 THEN
        v_ids := books.draft_vouchers(p_region, p_fund, p_on, p_business, p_summaries, p_evidences, p_attachments, p_of, p_sides, p_amounts,
                                      p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories, p_templates);
    END IF;
    SELECT r.key INTO v_key FROM books.import_row r
     WHERE r.region = p_region AND r.fund = p_fund AND r.kind = p_kind AND r.key = ANY (p_keys) AND r.voucher_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.region = p_region AND d.fund = p_fund AND d.voucher_id = r.voucher_id
                          AND d.decision <> 'approved') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher_file.key_known', DETAIL = format('行号键“%s”已由另一文件制单', left(v_key, 60));
    END IF;
    INSERT INTO books.import_file
    VALUES (p_region, p_fund, p_kind, p_sha256, p_name, p_content, v_actor, p_on, cardinality(p_lines), cardinality(p_bad_lines),
            (SELECT coalesce(sum(u.fen) FILTER (WHERE u.side = 1), 0) FROM unnest(p_sides, p_amounts) AS u (side, fen)));
    INSERT INTO books.import_row
    SELECT p_region, p_fund, p_sha256, u.line, p_kind, u.key,
           1 + coalesce(b.tries, 0), u.id, '', '', '', u.raw
      FROM unnest(p_lines, p_keys, v_ids, p_raws) AS u (line, key, id, raw)
      LEFT JOIN (SELECT r.key, count(*) AS tries FROM books.import_row r
                  WHERE r.region = p_region AND r.fund = p_fund AND r.kind = p_kind AND r.key = ANY (p_keys) AND r.voucher_id IS NOT NULL
                  GROUP BY r.key) b ON b.key = u.key;
    INSERT INTO books.import_row
    SELECT p_region, p_fund, p_sha256, u.line, p_kind, u.key, 0, NULL, u.field, u.code, u.message, u.raw
      FROM unnest(p_bad_lines, p_bad_keys, p_fields, p_codes, p_messages, p_bad_raws) AS u (line, key, field, code, message, raw);
    RETURN true;
END $$;

-- Of a list of drafts as shown: id and what a person answers for, by id.
CREATE OR REPLACE FUNCTION books.list_digest(p_region integer, p_fund smallint, p_ids text[]) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(coalesce(string_agg(v.voucher_id || '|' || encode(books.shown_digest(v.digest, books.attachments_digest(p_region, p_fund, v.voucher_id)), 'hex'),
                                                 E'\n' ORDER BY v.voucher_id COLLATE "C"), ''), 'UTF8'))
      FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids)
$$;

-- Approves a list of drafts under one digest, as books.decide_voucher() does one: all of them or none.
CREATE OR REPLACE FUNCTION books.approve_vouchers(p_region integer, p_fund smallint, p_ids text[], p_digest bytea, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{checker}');
    v_bad   record;
BEGIN
    PERFORM books.hold_accounts(p_region, p_fund);
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF cardinality(p_ids) = 0 OR books.list_digest(p_region, p_fund, p_ids) IS DISTINCT FROM p_digest
       OR (SELECT count(*) FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids)) <> cardinality(p_ids) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.batch_changed', DETAIL = '待复核的凭证不是所核对的那一份清单，未作任何改动';
    END IF;
    PERFORM access.require_signature(p_region, 'voucher.approve_list', format('%s-%s', p_region, p_fund), encode(p_digest, 'hex'));
    SELECT d.voucher_id, d.decided_by INTO v_bad FROM books.voucher_decision d
     WHERE d.region = p_region AND d.fund = p_fund AND d.voucher_id = ANY (p_ids) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.decided', DETAIL = format('手工凭证%s已由%s办理', v_bad.voucher_id, v_bad.decided_by);
    END IF;
    SELECT m.prepared_by INTO v_bad
      FROM (SELECT DISTINCT v.prepared_by FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids) OFFSET 0) m
     WHERE access.person(m.prepared_by) IS NOT DISTINCT FROM access.person(v_actor) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.same_person', DETAIL = format('清单中有%s制单的凭证，须由另一人以本人名义复核', v_bad.prepared_by);
    END IF;
    SELECT max(v.business_date) AS business, min(v.prepared_on) AS first, max(v.prepared_on) AS last INTO v_bad
      FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids);
    PERFORM books.refuse_future(p_region, p_fund, v_bad.business, p_on);
    PERFORM books.refuse_backwards(p_region, p_fund, ARRAY[s.account], p_on, CASE WHEN v_bad.first = v_bad.last THEN v_bad.first END)
       FROM (SELECT max(l.account) AS account FROM books.voucher_line l
              WHERE l.region = p_region AND l.fund = p_fund AND l.voucher_id = ANY (p_ids) GROUP BY left(l.account::text, 1) = '9') s;
    INSERT INTO books.voucher_decision (region, fund, voucher_id, decision, digest, decided_by, decided_on, reason, attached)
    SELECT p_region, p_fund, v.voucher_id, 'approved', v.digest, v_actor, p_on, '', books.attachments_digest(p_region, p_fund, v.voucher_id)
      FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids);
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.import_file
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.import_file
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.import_row
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.import_row
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON books.import_file TO fundledger_poster;
GRANT SELECT ON books.import_file TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.import_row TO fundledger_poster;
GRANT SELECT ON books.import_row TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.approve_vouchers(integer,smallint,text[],bytea,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.approve_vouchers(integer,smallint,text[],bytea,date) TO fundledger_service;
ALTER FUNCTION books.draft_vouchers(integer,smallint,date,date[],text[],text[],integer[],integer[],smallint[],bigint[],integer[],text[],text[],smallint[],integer[],text[],text[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.import_vouchers(integer,smallint,text,text,bytea,bytea,date,integer[],text[],text[],date[],text[],text[],integer[],integer[],smallint[],bigint[],integer[],text[],text[],smallint[],integer[],text[],integer[],text[],text[],text[],text[],text[],text[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.import_vouchers(integer,smallint,text,text,bytea,bytea,date,integer[],text[],text[],date[],text[],text[],integer[],integer[],smallint[],bigint[],integer[],text[],text[],smallint[],integer[],text[],integer[],text[],text[],text[],text[],text[],text[]) TO fundledger_service;
ALTER FUNCTION books.list_digest(integer,smallint,text[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.list_digest(integer,smallint,text[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.own_banks(integer,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.known_parties(integer,text[]) TO fundledger_service;
