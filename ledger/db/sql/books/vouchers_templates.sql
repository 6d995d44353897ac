-- A region's own voucher templates beside the regulation's: by two persons, in versions that are never changed; how a voucher fits one.

-- Tables ------------------------------------------------------
-- A region's own voucher templates, version by version: proposed by one person, confirmed by another, in force from their day (or the
-- day they were confirmed, if that is later) until a newer version is. A version without lines retires the template.
CREATE TABLE books.voucher_template (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    template_id text NOT NULL,
    code        text NOT NULL CHECK (code ~ '^[A-Z][A-Z0-9]{1,19}$' AND code !~ '^[ABC][0-9]'),   -- those are the regulation's
    version     integer NOT NULL CHECK (version > 0),
    title       text NOT NULL CHECK (btrim(title) <> '' AND length(title) <= 60 AND translate(title, E'|\\\n\r\t', '') = title),
    article     text NOT NULL CHECK (btrim(article) <> '' AND length(article) <= 200 AND translate(article, E'|\\\n\r\t', '') = article),
    summary     text NOT NULL CHECK (btrim(summary) <> '' AND length(summary) <= 200 AND translate(summary, E'|\\\n\r\t', '') = summary),
    lines       text[] NOT NULL CHECK (coalesce(array_ndims(lines), 1) = 1),   -- as the shipped ones write them (ledger/books/templates/entries.toml)
    from_day    date NOT NULL CHECK (isfinite(from_day)),
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'withdrawn', 'confirmed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL CHECK (isfinite(proposed_on)),
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date CHECK (isfinite(decided_on) AND decided_on >= proposed_on),
    reason      text NOT NULL DEFAULT '' CHECK (translate(reason, E'|\\\n\r\t', '') = reason),
    PRIMARY KEY (region, fund, template_id),
    UNIQUE (region, fund, code, version),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (template_id = code || '@' || version),
    CHECK (decided_by <> proposed_by),
    CHECK ((state IN ('proposed', 'withdrawn')) = (decided_by = '') AND (decided_by = '') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_open_template ON books.voucher_template (region, fund, code) WHERE state = 'proposed';

-- Functions ---------------------------------------------------
-- What a template's lines say, in their order; a line that is none has no side.
CREATE OR REPLACE FUNCTION books.template_lines(p_lines text[])
RETURNS TABLE (n bigint, side integer, red boolean, accounts text[], part text, optional boolean, either boolean) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.n, CASE m[2] WHEN '借' THEN 1 WHEN '贷' THEN -1 END, m[1] <> '', string_to_array(m[3], '|'), m[4], m[5] <> '', m[6] <> ''
      FROM unnest(p_lines) WITH ORDINALITY AS l (text, n)
      LEFT JOIN LATERAL regexp_match(l.text, '^(红?)(借|贷) ([1-9][0-9]{3,7}(?:\|[1-9][0-9]{3,7})*) (=|amount|pool|acct|open|principal|interest)(\??)(±?)$') AS m
        ON m[4] <> '=' OR m[5] || m[6] = ''
$$;

-- What two persons answer for: every word of it, its day and who proposed it.
CREATE OR REPLACE FUNCTION books.template_digest(t books.voucher_template) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(concat_ws('|', 'template', t.region, t.fund, t.template_id, t.title, t.article, t.summary, t.from_day, t.proposed_by)
                             || E'\n' || array_to_string(t.lines, E'\n'), 'UTF8'))
$$;

-- The version in force on a day, none of it where there is none: the newest confirmed one whose day has come.
CREATE OR REPLACE FUNCTION books.template_in_force(p_region integer, p_fund smallint, p_code text, p_on date) RETURNS books.voucher_template
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.* FROM books.voucher_template t
     WHERE (t.region, t.fund, t.code, t.state) = (p_region, p_fund, p_code, 'confirmed') AND greatest(t.from_day, t.decided_on) <= p_on
     ORDER BY t.version DESC LIMIT 1
$$;

-- A template's lines can be a voucher by hand on a day: each is one, each account has leaves in the book and none that only rules
-- move, and debits equal credits whatever its amounts are.
CREATE OR REPLACE FUNCTION books.check_template(t books.voucher_template, p_on date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT f.n, t.lines[f.n] AS text INTO bad FROM books.template_lines(t.lines) f
     WHERE f.side IS NULL OR EXISTS (SELECT 1 FROM books.template_lines(t.lines) o
                                      WHERE o.part = f.part AND (o.optional, o.either) <> (f.optional, f.either))
     ORDER BY f.n LIMIT 1;
    IF FOUND OR coalesce(array_length(t.lines, 1), 0) NOT BETWEEN 2 AND 20 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'template.line',
            DETAIL = format('模板%s的第%s行“%s”不是分录：应为2到20行，每行如 贷 41010101|41010102 amount；同一金额项各行的标记相同',
                            t.code, coalesce(bad.n, 0), left(bad.text, 60));
    END IF;
    SELECT f.n, x.under INTO bad FROM books.template_lines(t.lines) f CROSS JOIN LATERAL unnest(f.accounts) AS x (under)
     WHERE NOT EXISTS (SELECT 1 FROM books.account a WHERE a.region = t.region AND a.fund = t.fund AND a.leaf AND a.account::text LIKE x.under || '%')
     ORDER BY f.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'account.unknown',
            DETAIL = format('模板%s第%s行的科目%s不存在，或其下没有末级科目', t.code, bad.n, bad.under);
    END IF;
    SELECT f.n, a.account, a.name INTO bad FROM books.template_lines(t.lines) f CROSS JOIN LATERAL unnest(f.accounts) AS x (under)
      JOIN books.account a ON a.region = t.region AND a.fund = t.fund AND a.leaf AND a.account::text LIKE x.under || '%'
     WHERE books.rule_only(t.region, t.fund, a.account, p_on) ORDER BY f.n, a.account LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.rule_account',
            DETAIL = format('第%s行的科目%s（%s）只由规则记账，手工凭证不得使用；确有需要的，由两人以 policy hand_accounts 放开', bad.n, bad.account, bad.name);
    END IF;
    -- each part's own lines and those of the sum carry it once to either side
    SELECT f.part INTO bad FROM books.template_lines(t.lines) f WHERE f.part <> '='
     GROUP BY f.part
    HAVING sum(CASE WHEN f.red THEN -f.side ELSE f.side END) <> (
           SELECT coalesce(-sum(CASE WHEN o.red THEN -o.side ELSE o.side END), 0) FROM books.template_lines(t.lines) o WHERE o.part = '=') LIMIT 1;
    IF FOUND OR NOT EXISTS (SELECT 1 FROM books.template_lines(t.lines) f WHERE f.part <> '=') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'template.unbalanced',
            DETAIL = format('模板%s的金额项“%s”借贷不平：每项在借方、贷方应各列一次（红字相反，=为各项之和）', t.code, coalesce(bad.part, '='));
    END IF;
END $$;

-- Proposes the next version of a template under the acting user's name, or, without lines, that it be retired; its id. The same again
-- is the same while it waits; what else waits of it is withdrawn.
CREATE OR REPLACE FUNCTION books.propose_template(p_region integer, p_fund smallint, p_code text, p_title text, p_article text, p_summary text,
                                                  p_lines text[], p_from date, p_on date)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant,maker}');
    v_last  books.voucher_template;
    t       books.voucher_template;
BEGIN
    IF p_code ~ '^[ABC][0-9]' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.shipped_code',
            DETAIL = format('编号%s留给28号规定的分录（A、B、C加数字）：本统筹区的模板请另编号', left(p_code, 20));
    ELSIF p_from < p_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'template.day', DETAIL = format('模板%s的启用日%s早于办理日期%s', left(p_code, 20), p_from, p_on);
    END IF;
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF cardinality(p_lines) = 0 THEN
        SELECT x.* INTO v_last FROM books.voucher_template x
         WHERE (x.region, x.fund, x.code, x.state) = (p_region, p_fund, p_code, 'confirmed') ORDER BY x.version DESC LIMIT 1;
        IF v_last.code IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'template.unknown', DETAIL = format('没有在用的凭证模板“%s”', left(p_code, 20));
        ELSIF cardinality(v_last.lines) = 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.retired', DETAIL = format('凭证模板%s已自%s起停用', p_code, greatest(v_last.from_day, v_last.decided_on));
        END IF;
    END IF;
    SELECT x.* INTO t FROM books.voucher_template x WHERE (x.region, x.fund, x.code, x.state) = (p_region, p_fund, p_code, 'proposed');
    IF t.code IS NOT NULL AND (t.title, t.article, t.summary, t.lines, t.from_day, t.proposed_by)
                            = (coalesce(v_last.title, p_title), p_article, coalesce(v_last.summary, p_summary), p_lines, p_from, v_actor) THEN
        RETURN t.template_id;
    END IF;
    UPDATE books.voucher_template x SET state = 'withdrawn' WHERE (x.region, x.fund, x.code, x.state) = (p_region, p_fund, p_code, 'proposed');
    t := NULL;
    t.region := p_region; t.fund := p_fund; t.code := p_code; t.lines := p_lines; t.from_day := p_from; t.article := p_article;
    t.title := coalesce(v_last.title, p_title); t.summary := coalesce(v_last.summary, p_summary);
    t.version := 1 + coalesce((SELECT max(x.version) FROM books.voucher_template x WHERE (x.region, x.fund, x.code) = (p_region, p_fund, p_code)), 0);
    t.template_id := t.code || '@' || t.version;
    t.proposed_by := v_actor;
    IF cardinality(p_lines) > 0 THEN
        PERFORM books.check_template(t, p_from);
    END IF;
    INSERT INTO books.voucher_template (region, fund, template_id, code, version, title, article, summary, lines, from_day, digest, proposed_by, proposed_on)
    VALUES (t.region, t.fund, t.template_id, t.code, t.version, t.title, t.article, t.summary, t.lines, t.from_day, books.template_digest(t), v_actor, p_on);
    RETURN t.template_id;
END $$;

-- Confirms (p_reason '') or refuses what waits as another person, naming its digest. A template that a recurring voucher rests on is
-- not retired. Not dated before a voucher that an older version filled, else that voucher would look as if it had no right to it.
CREATE OR REPLACE FUNCTION books.decide_template(p_region integer, p_fund smallint, p_template_id text, p_digest bytea, p_reason text, p_on date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{checker}');
    t       books.voucher_template;
    v_reason text := coalesce(p_reason, '');
    v_used  date;
    v_recurrence text;
BEGIN
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    SELECT x.* INTO t FROM books.voucher_template x WHERE (x.region, x.fund, x.template_id) = (p_region, p_fund, p_template_id);
    SELECT max(v.prepared_on) INTO v_used FROM books.voucher v
      JOIN books.voucher_template x ON (x.region, x.fund, x.template_id) = (v.region, v.fund, v.template)
     WHERE (v.region, v.fund, x.code) = (p_region, p_fund, t.code);
    IF t.code IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'template.unknown', DETAIL = format('没有凭证模板“%s”', left(p_template_id, 32));
    ELSIF t.state <> 'proposed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.state', DETAIL = format('凭证模板%s现为{template.state:%s}，不能再办理', p_template_id, t.state);
    ELSIF t.digest IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.changed', DETAIL = format('凭证模板%s的内容与所核对的摘要不符', p_template_id);
    ELSIF access.person(v_actor) IS NOT DISTINCT FROM access.person(t.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'template.same_person', DETAIL = format('凭证模板%s由%s提出，须由另一人确认', p_template_id, t.proposed_by);
    ELSIF p_on < t.proposed_on OR v_reason = '' AND p_on < v_used THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'template.day',
            DETAIL = format('凭证模板%s于%s提出，前一版%s用过，不能于%s确认', p_template_id, t.proposed_on, coalesce('最后于' || v_used, '没有'), p_on);
    ELSIF v_reason <> '' THEN
        UPDATE books.voucher_template SET state = 'refused', reason = v_reason, decided_by = v_actor, decided_on = p_on
         WHERE (region, fund, template_id) = (p_region, p_fund, p_template_id);
        RETURN;
    END IF;
    PERFORM access.require_signature(p_region, 'template.confirm', format('%s-%s %s', p_region, p_fund, p_template_id), encode(p_digest, 'hex'));
    IF cardinality(t.lines) > 0 THEN
        PERFORM books.check_template(t, greatest(t.from_day, p_on));
    ELSE
        SELECT r.recurrence_id INTO v_recurrence FROM books.recurrence r
         WHERE (r.region, r.fund, r.template) = (p_region, p_fund, t.code) AND r.state IN ('proposed', 'confirmed') ORDER BY 1 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.in_use', DETAIL = format('定期凭证%s还在用模板%s：请先停止或退回它', v_recurrence, t.code);
        END IF;
    END IF;
    UPDATE books.voucher_template SET state = 'confirmed', decided_by = v_actor, decided_on = p_on
     WHERE (region, fund, template_id) = (p_region, p_fund, p_template_id);
END $$;

-- Vouchers (all that name a version, or of these) that are not of its lines: a line that stands on none of them, one of them too
-- many, or one that must be there and is not.
CREATE OR REPLACE FUNCTION books.template_misfits(p_region integer, p_fund smallint, p_template_id text, p_ids text[] DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH form AS MATERIALIZED (
        SELECT f.n, f.side, f.red, f.either, f.optional, ARRAY(SELECT a || '%' FROM unnest(f.accounts) AS a) AS accounts
          FROM books.voucher_template t CROSS JOIN LATERAL books.template_lines(t.lines) f
         WHERE (t.region, t.fund, t.template_id) = (p_region, p_fund, p_template_id))
    SELECT v.voucher_id FROM books.voucher v
      LEFT JOIN books.voucher_line l ON l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id
      LEFT JOIN form f ON f.side = l.side AND l.account::text LIKE ANY (f.accounts)
            AND (f.either OR sign(l.amount_fen) = CASE WHEN f.red THEN -1 ELSE 1 END)
     WHERE v.region = p_region AND v.fund = p_fund AND v.template = p_template_id AND (p_ids IS NULL OR v.voucher_id = ANY (p_ids))
     GROUP BY v.voucher_id
    HAVING bool_or(f.n IS NULL) OR count(DISTINCT l.n) > (SELECT count(*) FROM form)
        OR EXISTS (SELECT 1 FROM form r WHERE NOT r.optional AND r.n <> ALL (array_agg(coalesce(f.n, 0))))
$$;

-- Drafts just stored name a version only where it is in force that day and their lines are its.
CREATE OR REPLACE FUNCTION books.check_template_use(p_region integer, p_fund smallint, p_ids text[], p_on date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t     books.voucher_template;
    v_now books.voucher_template;
    v_bad text;
BEGIN
    FOR t IN SELECT x.* FROM books.voucher_template x
              WHERE (x.region, x.fund) = (p_region, p_fund) AND x.template_id IN (
                    SELECT v.template FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = ANY (p_ids))
    LOOP
        v_now := books.template_in_force(p_region, p_fund, t.code, p_on);
        IF v_now.template_id IS DISTINCT FROM t.template_id THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005',
                MESSAGE = CASE WHEN v_now.version > t.version AND cardinality(v_now.lines) = 0 THEN 'template.retired'
                               WHEN v_now.version > t.version THEN 'template.superseded' ELSE 'template.not_yet' END,
                DETAIL = format('凭证模板%s于%s不在用（%s）', t.template_id, p_on, coalesce('当日为' || v_now.template_id, '尚未启用'));
        ELSIF cardinality(t.lines) = 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'template.retired', DETAIL = format('凭证模板%s已停用，%s不能再用', t.code, p_on);
        END IF;
        SELECT m INTO v_bad FROM books.template_misfits(p_region, p_fund, t.template_id, p_ids) AS m LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'template.other_lines', DETAIL = format('草稿%s的分录不是凭证模板%s的', v_bad, t.template_id);
        END IF;
    END LOOP;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.voucher_template
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, template_id, code, version, title, article, summary, lines, from_day, digest,
    proposed_by, proposed_on OR DELETE OR TRUNCATE ON books.voucher_template FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER decided BEFORE UPDATE ON books.voucher_template
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT, UPDATE ON books.voucher_template TO fundledger_poster;
GRANT SELECT ON books.voucher_template TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.check_template(books.voucher_template,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_template_use(integer,smallint,text[],date) OWNER TO fundledger_poster;
ALTER FUNCTION books.decide_template(integer,smallint,text,bytea,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.decide_template(integer,smallint,text,bytea,text,date) TO fundledger_service;
ALTER FUNCTION books.propose_template(integer,smallint,text,text,text,text,text[],date,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.propose_template(integer,smallint,text,text,text,text,text[],date,date) TO fundledger_service;
ALTER FUNCTION books.template_digest(books.voucher_template) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.template_digest(books.voucher_template) TO fundledger_auditor;
ALTER FUNCTION books.template_in_force(integer,smallint,text,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.template_lines(text[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.template_lines(text[]) TO fundledger_auditor;
ALTER FUNCTION books.template_misfits(integer,smallint,text,text[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.template_misfits(integer,smallint,text,text[]) TO fundledger_auditor;
