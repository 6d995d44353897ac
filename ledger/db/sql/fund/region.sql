-- A pooling region: its name, its dated choices, its calendar of working days; and the runs of its jobs.

-- Tables ------------------------------------------------------
CREATE TABLE fund.region (
    region integer PRIMARY KEY CHECK (region BETWEEN 100000 AND 999999),
    name   text NOT NULL CHECK (name <> '')
);

-- Which choices there are and what a value looks like (a regular expression); each area adds its own keys in its own file.
CREATE TABLE fund.policy_key (
    key     text PRIMARY KEY CHECK (key ~ '^[a-z][a-z0-9_]{2,40}$'),
    title   text NOT NULL,
    pattern text NOT NULL DEFAULT '.*'
);

INSERT INTO fund.policy_key VALUES
    ('receipt_days',     '银行回单期限，日历日数（未选时3）', '[0-9]{1,2}'),
    ('daily_accounting', '日拨付列账方法：P1暂付款、P2直接列支出', 'P1|P2');

INSERT INTO fund.policy_key VALUES
    ('mulaid_in_acct',   '家庭共济是否含在个人账户支付额内');

-- Whether everybody who comes in by a provider of identities needs a second factor (access.factor_demanded).
INSERT INTO fund.policy_key VALUES
    ('second_factor',    '经统一身份认证登录须有第二因素：动态口令、通行密钥，或身份提供方所称的多因素（未选时no）', 'yes|no');

-- A daily job's time of day in a region; a job that may stay away says `off`.
INSERT INTO fund.policy_key VALUES
    ('job_at_day',       '定时任务“当日办理”的时刻；off不办（未选时06:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_overdue',   '定时任务“催问逾期”的时刻（未选时09:30）', '([01][0-9]|2[0-3]):[0-5][0-9]'),
    ('job_at_handback',  '定时任务“日拨付回传”的时刻；off不办（未选时每月3日08:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_backup',    '定时任务“备份”的时刻；off不办（未选时01:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_check',     '定时任务“夜间核验”的时刻（未选时23:15）', '(2[0-3]):[0-5][0-9]'),
    ('job_at_recurring', '定时任务“定期凭证制单”的时刻；off不办（未选时07:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_seals',     '定时任务“结账月份签名文件”的时刻；off不办（未选时02:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_control',   '定时任务“内控报告编制”的时刻；off不办（未选时04:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_retention', '定时任务“保存期限清单”的时刻；off不办（未选时每月1日08:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off');

-- Dated choices of a region (procedure.md [choice] lines). The value in force on a day is the latest from_day <= day.
CREATE TABLE fund.region_policy (
    region   integer NOT NULL REFERENCES fund.region,
    key      text NOT NULL REFERENCES fund.policy_key,
    from_day date NOT NULL,
    value    text NOT NULL,
    source   text NOT NULL,            -- the document it rests on
    set_by   text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    PRIMARY KEY (region, key, from_day)
);

-- Proposed by one person, confirmed by another: what is confirmed, and nothing else, stands in fund.region_policy.
CREATE TABLE fund.policy_proposal (
    region      integer NOT NULL REFERENCES fund.region,
    key         text NOT NULL REFERENCES fund.policy_key,
    from_day    date NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    value       text NOT NULL,
    source      text NOT NULL CHECK (source <> ''),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused', 'withdrawn')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, key, from_day, version),
    CONSTRAINT policy_two_persons CHECK (decided_by <> proposed_by AND (state IN ('proposed', 'withdrawn')) = (decided_by = '')),
    CONSTRAINT policy_refused CHECK (state <> 'refused' OR reason <> '')
);

CREATE UNIQUE INDEX one_open_policy ON fund.policy_proposal (region, key, from_day) WHERE state = 'proposed';

-- The calendar of banks and public holidays: reference data with its source, shared by all regions.
CREATE TABLE fund.calendar_year (
    year   smallint PRIMARY KEY,
    source text NOT NULL
);

CREATE TABLE fund.calendar_day (
    day     date PRIMARY KEY,
    working boolean NOT NULL,
    year    smallint NOT NULL REFERENCES fund.calendar_year
);

INSERT INTO fund.policy_key VALUES
    ('prepayment_months',      '预付金为月均结算额的几个月', '[1-9][0-9]?'),
    ('prepayment_years',       '预付金的月均结算额取最近几年', '[1-3]'),
    ('prepayment_balance_310', '职工统筹基金累计结余至少可支付几个月方可预付', '[0-9]{1,2}'),
    ('prepayment_balance_390', '居民基金累计结余至少可支付几个月方可预付', '[0-9]{1,2}'),
    ('prepayment_recovery',    '预付金收回方式：cash缴回、offset冲减结算', 'cash|offset'),
    ('short_money_kinds',      '资金不足时各类款项的先后，先付的在前',
     '(daily|month|outregion|clearing|advance|supplier|person)(,(daily|month|outregion|clearing|advance|supplier|person)){6}'),
    ('short_money_first',      '资金不足时同类款项的先后：oldest出院早者先付、smallest金额小者先付', 'oldest|smallest');

INSERT INTO fund.policy_key VALUES
    ('clearing_cutoff',    '上年度费用最迟申报日（次年，MM-DD）', '(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'),
    ('clearing_quarterly', '是否按季清算', 'Y|N'),
    ('clearing_pilot',     '是否清算提质增效试点地区', 'Y|N');

INSERT INTO fund.policy_key VALUES
    ('closing_method', '期末结转：monthly账结、yearly表结（年末一次结转）', 'monthly|yearly');

INSERT INTO fund.policy_key VALUES
    ('fund_request_basis', '请款方式：due按到期应付（未选时即此）、plan按月用款计划、float周转金，可并列',
     '(due|plan|float)(,(due|plan|float)){0,2}'),
    ('float_limit',        '周转金限额，元', '[1-9][0-9]{0,11}'),
    ('voucher_numbering', '手工凭证编号：as_posted依次编号、whole_day可将当日制单的凭证于日后一并按制单日编号', 'as_posted|whole_day');

INSERT INTO fund.policy_key VALUES
    ('payee_day_limit',    '同一收款单位一日拨付限额，元；none不限（未选时即此）', 'none|[1-9][0-9]{0,11}'),
    ('approver_day_limit', '审批人一日累计审批限额，元；none不限（未选时即此）；其后可列用户=元',
     '(none|[1-9][0-9]{0,11})(,[a-z][a-z0-9_.-]{1,39}=(none|[1-9][0-9]{0,11}))*'),
    ('payee_hold_days',    '收款账户变更后暂缓拨付的日历日数，变更当日算起；0不暂缓（未选时即此）', '[0-9]|[1-8][0-9]|90');

INSERT INTO fund.policy_key VALUES
    ('retention_quarantine', '隔离的结算记录保存年数，未选时为3', '[1-9]|[1-9][0-9]'),
    ('retention_log',        '操作日志保存年数，未选时为10', '[1-9]|[1-9][0-9]'),
    ('retention_answers',    '接口答复保存年数，未选时为1', '[1-9]|[1-9][0-9]'),
    ('retention_sessions',   '已结束的登录会话保存年数，未选时为1', '[1-9]|[1-9][0-9]'),
    ('retention_bank_files', '银行文件保存年数，未选时为30，不得少于30', '[3-9][0-9]'),
    ('retention_records',    '结算记录保存年数，未选时为30，不得少于30', '[3-9][0-9]');

INSERT INTO fund.policy_key VALUES
    ('act_days', '办理日期可比数据库时间早的日历日数，不得晚于数据库时间；未选时只限定晚于账套最近凭证一个月', '[0-9]|[12][0-9]|3[01]');

CREATE TABLE fund.calendar_proposal (
    region      integer NOT NULL REFERENCES fund.region,   -- whose people; the table itself is everybody's
    year        smallint NOT NULL CHECK (year BETWEEN 2000 AND 2999),
    version     integer NOT NULL CHECK (version > 0),
    source      text NOT NULL CHECK (source <> '' AND translate(source, E'|\\\n\r\t', '') = source),
    days        text NOT NULL,                             -- `YYYY-MM-DD,N` (off) or `,Y` (working) in order, joined by ;
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, year, version),
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (decided_by <> proposed_by)
);

CREATE UNIQUE INDEX one_calendar_proposal ON fund.calendar_proposal (region, year) WHERE state = 'proposed';

-- A slot of a job is done once, whichever worker does it.
CREATE TABLE jobs.job_run (
    region      integer NOT NULL,
    job         text NOT NULL,
    slot        text NOT NULL,             -- the business date, with the time of day for jobs that run more often
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    owner       text NOT NULL,
    epoch       integer NOT NULL,
    lease_until timestamptz NOT NULL,
    message     text NOT NULL,
    started_at  timestamptz,               -- NULL: of before these were kept
    ended_at    timestamptz,
    PRIMARY KEY (region, job, slot)
);

-- What persons ask of the worker: run a job now, let it rest, let it go on. A row is never changed.
CREATE TABLE jobs.asked (
    region   integer NOT NULL REFERENCES fund.region,
    n        integer NOT NULL CHECK (n > 0),
    job      text NOT NULL CHECK (job ~ '^[a-z_]{2,40}$'),
    what     text NOT NULL CHECK (what IN ('run', 'pause', 'resume')),
    reason   text NOT NULL CHECK (reason = btrim(reason) AND length(reason) BETWEEN 2 AND 200),
    on_day   date NOT NULL,
    asked_by text NOT NULL REFERENCES access.app_user,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, n)
);

-- What a nightly check found, written by the auditor's login alone: a check is done when this says it found nothing.
CREATE TABLE jobs.checked (
    region     integer NOT NULL,
    slot       text NOT NULL,
    epoch      integer NOT NULL,
    findings   integer NOT NULL CHECK (findings >= 0),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, slot, epoch)
);

-- Functions ---------------------------------------------------
-- Whether a run made what it says: a backup names its own day's file by its digest (the home keeps the same beside it, for `verify`); a day
-- was booked in a line of the operator log written while it ran, was no working day, or lies behind what the books have already.
CREATE OR REPLACE FUNCTION jobs.made(p_region integer, p_job text, p_slot text, p_message text, p_since timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_slot !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN true
                WHEN p_job = 'backup' THEN p_message ~ ('^daily-' || left(p_slot, 10) || '[.]dump(已有)?，[0-9]+字节，SHA-256 [0-9a-f]{64}(，|$)')
                WHEN p_job <> 'day' THEN true
                WHEN p_message = '非工作日，不办理' THEN NOT coalesce((SELECT c.working FROM fund.calendar_day c WHERE c.day = left(p_slot, 10)::date),
                                                            extract(isodow FROM left(p_slot, 10)::date) < 6)
                WHEN p_message ~ '^补办：其后已有凭证或已结账' THEN
                    EXISTS (SELECT FROM books.block b WHERE b.region = p_region AND b.voucher_date > left(p_slot, 10)::date)
                    OR EXISTS (SELECT FROM books.period c WHERE c.region = p_region AND c.state <> 'open'
                                  AND c.period = to_char(left(p_slot, 10)::date, 'YYYYMM')::integer)
                WHEN p_message ~ '^(补办：)?入账' THEN EXISTS (
                    SELECT FROM access.operator_log o WHERE o.region = p_region AND o.action = 'daily.run' AND o.object = left(p_slot, 10)
                       AND o.outcome = 'done' AND o.recorded_at >= p_since)
                ELSE false END
$$;

-- A slot is claimed running and in time, its lease made longer or its end written by who holds it, taken over only when it failed
-- or its lease ran out. What is done stays done. Whoever takes a slot over waits for a commit of its holder that is under way
-- (jobs.require_lease), so that none comes after. When it began and ended is the database's word; work takes a transaction of its own,
-- so that none is done in the one that claims it. A check is done by what the auditor wrote. Where the region bounds the days of its
-- persons, a run is of no day to come, and of one that may still be made up for.
CREATE OR REPLACE FUNCTION jobs.check_run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND access.act_days(NEW.region) IS NOT NULL AND NEW.slot ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}'
       AND (left(NEW.slot, 10)::date > access.latest_day()
            OR NEW.slot !~ ' R[0-9]' AND left(NEW.slot, 10)::date < (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date - 32) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.slot',
            DETAIL = format('任务%s不能在数据库的今天运行%s：日期尚未到来，或已过补办的期限', NEW.job, NEW.slot);
    END IF;
    IF TG_OP = 'INSERT' AND (NEW.state, NEW.epoch, NEW.message) = ('running', 1, '') AND NEW.owner <> '' AND NEW.lease_until > clock_timestamp()
       OR TG_OP = 'UPDATE' AND NEW.state = 'running' AND NEW.epoch = OLD.epoch + 1 AND NEW.lease_until > clock_timestamp()
          AND (OLD.state = 'failed' OR OLD.state = 'running' AND OLD.lease_until < clock_timestamp()) THEN
        IF substring(NEW.slot FROM ' R([0-9]+)') IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM jobs.asked a WHERE a.region = NEW.region AND a.job = NEW.job AND a.what = 'run'
               AND a.n::text = substring(NEW.slot FROM ' R([0-9]+)')) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.not_asked', DETAIL = format('没有人要求任务%s的运行%s', NEW.job, NEW.slot);
        END IF;
        PERFORM pg_advisory_xact_lock(jobs.lease_key(NEW.region, NEW.job, NEW.slot));
        NEW.started_at := clock_timestamp();
        NEW.ended_at := NULL;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'running' AND NEW.state IN ('done', 'failed')
       AND (NEW.owner, NEW.epoch, NEW.lease_until) = (OLD.owner, OLD.epoch, OLD.lease_until) THEN
        IF NEW.state = 'done' AND OLD.started_at >= transaction_timestamp() THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.not_run', DETAIL = format('任务%s在%s没有运行过，不能记为完成', NEW.job, NEW.slot);
        ELSIF NEW.state = 'done' AND NEW.job = 'check' AND NOT EXISTS (
                SELECT 1 FROM jobs.checked c WHERE (c.region, c.slot, c.epoch, c.findings) = (NEW.region, NEW.slot, NEW.epoch, 0)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.not_checked',
                DETAIL = format('%s的夜间核验没有稽核登录写下的无问题结果，不能记为完成', NEW.slot);
        END IF;
        IF NEW.state = 'done' AND NOT jobs.made(NEW.region, NEW.job, NEW.slot, NEW.message, OLD.started_at) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.not_made',
                DETAIL = format('任务%s在%s没有办成其所述的内容，不能记为完成', NEW.job, NEW.slot);
        END IF;
        NEW.started_at := OLD.started_at;
        NEW.ended_at := clock_timestamp();
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'running' AND OLD.lease_until > clock_timestamp() AND NEW.lease_until > OLD.lease_until
       AND (NEW.state, NEW.owner, NEW.epoch, NEW.message) = (OLD.state, OLD.owner, OLD.epoch, OLD.message) THEN
        NEW.started_at := OLD.started_at;
        NEW.ended_at := OLD.ended_at;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.state',
        DETAIL = format('任务%s在%s的运行只能由持有者由运行中转为完成或失败', NEW.job, NEW.slot);
END $$;

CREATE OR REPLACE FUNCTION jobs.lease_key(p_region integer, p_job text, p_slot text) RETURNS bigint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$ SELECT hashtextextended(format('jobs|%s|%s|%s', p_region, p_job, p_slot), 0) $$;

-- The last word of every transaction of a running job, sent with its COMMIT: who lost the lease writes nothing (reliability.md B2 14).
CREATE OR REPLACE FUNCTION jobs.require_lease(p_region integer, p_job text, p_slot text, p_epoch integer) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(jobs.lease_key(p_region, p_job, p_slot));
    IF NOT EXISTS (SELECT 1 FROM jobs.job_run r WHERE r.region = p_region AND r.job = p_job AND r.slot = p_slot
                      AND r.epoch = p_epoch AND r.state = 'running') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.lease_lost',
            DETAIL = format('任务%s在%s的运行已由另一进程接管，此处的办理不作数', p_job, p_slot);
    END IF;
END $$;

-- The auditor's word on the check that runs now.
CREATE OR REPLACE FUNCTION jobs.keep_check(p_region integer, p_slot text, p_epoch integer, p_findings integer) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM jobs.require_lease(p_region, 'check', p_slot, p_epoch);
    INSERT INTO jobs.checked (region, slot, epoch, findings) VALUES (p_region, p_slot, p_epoch, p_findings);
END $$;

-- Asked in one's own name, numbered one after the other.
CREATE OR REPLACE FUNCTION jobs.check_asked() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.asked_by := access.require_role(NEW.region, 0::smallint, '{admin,chief,system}');
    NEW.asked_at := clock_timestamp();
    PERFORM pg_advisory_xact_lock(jobs.lease_key(NEW.region, 'asked', ''));
    NEW.n := 1 + coalesce((SELECT max(a.n) FROM jobs.asked a WHERE a.region = NEW.region), 0);
    IF NEW.what <> 'run' AND (NEW.what = 'pause') = coalesce((SELECT a.what = 'pause' FROM jobs.asked a
            WHERE a.region = NEW.region AND a.job = NEW.job AND a.what <> 'run' ORDER BY a.n DESC LIMIT 1), false) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'job.paused',
            DETAIL = format('任务%s%s', NEW.job, CASE NEW.what WHEN 'pause' THEN '已经暂停' ELSE '没有暂停' END);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fund.check_policy() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v fund.policy_key;
BEGIN
    SELECT * INTO v FROM fund.policy_key k WHERE k.key = NEW.key;
    IF FOUND AND NEW.value !~ ('^(' || v.pattern || ')$') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'policy.value',
            DETAIL = format('政策%s（%s）的值“%s”不合规：应为{policy.value:%s}', NEW.key, v.title, left(NEW.value, 40), NEW.key);
    ELSIF NEW.key = 'short_money_kinds' AND (SELECT count(DISTINCT k) FROM string_to_table(NEW.value, ',') AS k)
                                         <> (SELECT count(*) FROM string_to_table(NEW.value, ',') AS k) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'policy.kinds',
            DETAIL = format('资金不足时的先后须把各类款项各写一次，现为%s', NEW.value);
    END IF;
    RETURN NEW;
END $$;

-- The p_count-th working day after p_day: the database's one way of counting terms, the same as Calendar.after_working_days
-- (which says which article counts by it). p_day does not count; a weekend day worked to make up for a holiday does. A year
-- whose table is not imported is refused.
CREATE OR REPLACE FUNCTION fund.after_working_days(p_day date, p_count integer) RETURNS date LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_day  date := p_day;
    v_left integer := p_count;
BEGIN
    WHILE v_left > 0 LOOP
        v_day := v_day + 1;
        IF NOT EXISTS (SELECT 1 FROM fund.calendar_year WHERE year = extract(year FROM v_day)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.unknown_year',
                DETAIL = format('%s年节假日安排尚未导入，不能推算工作日', extract(year FROM v_day));
        END IF;
        IF coalesce((SELECT working FROM fund.calendar_day WHERE day = v_day), extract(isodow FROM v_day) < 6) THEN
            v_left := v_left - 1;
        END IF;
    END LOOP;
    RETURN v_day;
END $$;

-- Choices that wait for a second person, with the value in force on their first day beside them.
CREATE OR REPLACE FUNCTION fund.open_policies(p_region integer)
RETURNS TABLE (key text, title text, from_day date, version integer, in_force text, value text, source text, proposed_by text, proposed_on date)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.key, k.title, p.from_day, p.version,
           (SELECT y.value FROM fund.region_policy y WHERE y.region = p.region AND y.key = p.key AND y.from_day <= p.from_day
             ORDER BY y.from_day DESC LIMIT 1), p.value, p.source, p.proposed_by, p.proposed_on
      FROM fund.policy_proposal p JOIN fund.policy_key k ON k.key = p.key
     WHERE p.region = p_region AND p.state = 'proposed'
$$;

CREATE OR REPLACE FUNCTION fund.policy_text(p_region integer) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(E'\n', 'policy', p_region, string_agg(to_jsonb(o)::text, E'\n' ORDER BY o.key COLLATE "C", o.from_day))
      FROM fund.open_policies(p_region) AS o
$$;

CREATE OR REPLACE FUNCTION fund.policy_digest(p_region integer) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT left(encode(sha256(convert_to(fund.policy_text(p_region), 'UTF8')), 'hex'), 32)
$$;

-- A choice for a region from a day on. What is in force or waits already is not proposed again.
CREATE OR REPLACE FUNCTION fund.propose_policy(p_region integer, p_key text, p_from date, p_value text, p_source text, p_on date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{maker,accountant,system}');
    v_now  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.policies ' || p_region, 0));
    IF NOT EXISTS (SELECT 1 FROM fund.policy_key k WHERE k.key = p_key) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'policy.unknown_key', DETAIL = format('没有名为“%s”的选择', left(p_key, 40));
    ELSIF btrim(p_source) = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'policy.source_missing', DETAIL = '统筹区的选择须注明依据的文件';
    END IF;
    SELECT y.value INTO v_now FROM fund.region_policy y WHERE y.region = p_region AND y.key = p_key AND y.from_day = p_from;
    IF v_now = p_value OR EXISTS (SELECT 1 FROM fund.policy_proposal p WHERE (p.region, p.key, p.from_day, p.value, p.source, p.state)
                                                                          = (p_region, p_key, p_from, p_value, btrim(p_source), 'proposed')) THEN
        RETURN false;
    ELSIF v_now IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'policy.same_start',
            DETAIL = format('%s自%s起已定为%s：改为%s须另定起始日', p_key, p_from, v_now, left(p_value, 40));
    END IF;
    UPDATE fund.policy_proposal SET state = 'withdrawn', reason = '另有新的提出', decided_on = p_on
     WHERE region = p_region AND key = p_key AND from_day = p_from AND state = 'proposed';
    INSERT INTO fund.policy_proposal (region, key, from_day, version, value, source, proposed_by, proposed_on)
    SELECT p_region, p_key, p_from, coalesce(max(p.version), 0) + 1, p_value, btrim(p_source), v_user, p_on
      FROM fund.policy_proposal p WHERE (p.region, p.key, p.from_day) = (p_region, p_key, p_from);
    RETURN true;
END $$;

-- A checker, another person, puts in force all that was shown, or refuses it with a reason.
CREATE OR REPLACE FUNCTION fund.decide_policies(p_region integer, p_digest text, p_reason text, p_on date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user    text := access.require_role(p_region, 0::smallint, '{checker}');
    v_maker   text;
    v_decided bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.policies ' || p_region, 0));
    IF NOT EXISTS (SELECT 1 FROM fund.open_policies(p_region)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'policy.nothing_open', DETAIL = format('统筹区%s没有待另一人确认的选择', p_region);
    ELSIF fund.policy_digest(p_region) IS DISTINCT FROM p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'policy.changed',
            DETAIL = '待确认的选择不是所核对的那一份（摘要不符）：请重新列出并核对，未作任何改动';
    END IF;
    SELECT min(o.proposed_by) INTO v_maker FROM fund.open_policies(p_region) o
     WHERE access.person(o.proposed_by) IS NOT DISTINCT FROM access.person(v_user);
    IF v_maker IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v_maker);
    END IF;
    IF p_reason = '' THEN
        PERFORM access.require_signature(p_region, 'policy.confirm', p_region::text, p_digest);
        INSERT INTO fund.region_policy (region, key, from_day, value, source, set_by, confirmed_by)
        SELECT p.region, p.key, p.from_day, p.value, p.source, p.proposed_by, v_user FROM fund.policy_proposal p
         WHERE p.region = p_region AND p.state = 'proposed';
    END IF;
    UPDATE fund.policy_proposal SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, decided_by = v_user, decided_on = p_on,
           reason = p_reason WHERE region = p_region AND state = 'proposed';
    GET DIAGNOSTICS v_decided = ROW_COUNT;
    RETURN v_decided;
END $$;

-- What a holiday table says, hashed: `year|source|` and the days as above.
CREATE OR REPLACE FUNCTION fund.calendar_digest(p_year integer, p_source text, p_days text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', p_year, p_source, p_days), 'UTF8'))
$$;

-- Raises unless this can be the State Council's table of that year: a wrong day would move money.
CREATE OR REPLACE FUNCTION fund.check_calendar(p_year integer, p_source text, p_days date[], p_working boolean[]) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad date;
BEGIN
    IF p_source !~ '国务院|国办' OR NOT EXISTS (SELECT 1 FROM regexp_matches(p_source, '[0-9]{4}', 'g') AS m
                                                WHERE m[1]::integer IN (p_year, p_year - 1)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.source',
            DETAIL = format('依据“%s”不是国务院办公厅关于%s年节假日安排的通知：须写明发文机关与%s或%s年的文号',
                            left(p_source, 60), p_year, p_year - 1, p_year);
    END IF;
    SELECT min(d) INTO v_bad FROM unnest(p_days) AS d WHERE extract(year FROM d) <> p_year;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.other_year', DETAIL = format('%s不在%s年内', v_bad, p_year);
    END IF;
    SELECT min(d) INTO v_bad FROM (SELECT d FROM unnest(p_days) AS d GROUP BY d HAVING count(*) > 1) twice;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.day_twice', DETAIL = format('%s列了两次', v_bad);
    END IF;
    SELECT min(d) INTO v_bad FROM unnest(p_days, p_working) AS t (d, w) WHERE w AND extract(isodow FROM d) < 6;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.not_swapped', DETAIL = format('%s本是工作日，不能列为调休上班', v_bad);
    END IF;
    -- New Year, Labour Day and National Day have fixed dates: a table without them is cut off or of another year.
    SELECT min(f) INTO v_bad FROM unnest(ARRAY[make_date(p_year, 1, 1), make_date(p_year, 5, 1), make_date(p_year, 10, 1)]) AS f
     WHERE extract(isodow FROM f) < 6 AND NOT EXISTS (SELECT 1 FROM unnest(p_days, p_working) AS t (d, w) WHERE d = f AND NOT w);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.incomplete', DETAIL = format('%s是法定节假日而表中没有，节假日表不完整', v_bad);
    END IF;
END $$;

-- A table in force is corrected for days to come only, whichever day the caller names as today: after the last one on which anybody
-- approved a payment. What was counted by a day that has passed stays as it was counted; what is not decided yet (a sheet's draft, a
-- batch) is counted anew by the table then in force.
CREATE OR REPLACE FUNCTION fund.check_calendar_correction(p_year integer, p_days text, p_source text, p_on date) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    v_on   date := greatest(p_on, (SELECT max(approved_on) FROM payments.approval));
    v_day  date;
    v_same boolean;
BEGIN
    WITH given AS (SELECT split_part(d, ',', 1)::date AS day, split_part(d, ',', 2) = 'Y' AS working FROM string_to_table(p_days, ';') AS d),
         changed AS (SELECT coalesce(g.day, c.day) AS day FROM given g FULL JOIN (SELECT * FROM fund.calendar_day WHERE year = p_year) c USING (day)
                      WHERE g.working IS DISTINCT FROM c.working)
    SELECT min(day), min(day) IS NULL INTO v_day, v_same FROM changed;
    IF v_same THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'calendar.known', DETAIL = format('%s年节假日表已在用，所列各日相同', p_year);
    ELSIF v_day <= v_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'calendar.past',
            DETAIL = format('%s已到或已过，在用的节假日表只能更正%s以后的日子', v_day, v_on);
    ELSIF (SELECT source FROM fund.calendar_year WHERE year = p_year) = p_source THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'calendar.source', DETAIL = '更正须写明另一份通知：现行的即依据此通知';
    END IF;
END $$;

-- Changed only by `decide_calendar`, in the transaction that confirms the year's correction; `verify` compares the days with its digest.
CREATE OR REPLACE FUNCTION fund.check_calendar_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM fund.calendar_proposal p WHERE p.year = OLD.year AND p.state = 'confirmed'
                      AND p.xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = '节假日表只能由两人更正';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

-- A maker's transcription; returns its digest. The same again changes nothing.
CREATE OR REPLACE FUNCTION fund.propose_calendar(p_region integer, p_year integer, p_source text, p_days date[], p_working boolean[], p_on date)
RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    v_user   text := access.require_role(p_region, 0::smallint, '{maker}');
    v_days   text;
    v_digest bytea;
    v_open   fund.calendar_proposal;
BEGIN
    PERFORM fund.check_calendar(p_year, p_source, p_days, p_working);
    SELECT string_agg(d || CASE WHEN w THEN ',Y' ELSE ',N' END, ';' ORDER BY d) INTO v_days FROM unnest(p_days, p_working) AS t (d, w);
    v_digest := fund.calendar_digest(p_year, p_source, v_days);
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.calendar ' || p_year, 0));
    SELECT * INTO v_open FROM fund.calendar_proposal
     WHERE region = p_region AND year = p_year AND state IN ('proposed', 'confirmed') ORDER BY version DESC LIMIT 1;
    IF FOUND AND v_open.digest = v_digest THEN
        RETURN v_digest;
    END IF;
    IF v_open.state = 'proposed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'calendar.pending',
            DETAIL = format('%s年已有%s提出的另一节假日表待复核，请先复核或退回', p_year, v_open.proposed_by);
    END IF;
    IF EXISTS (SELECT 1 FROM fund.calendar_year WHERE year = p_year) THEN
        PERFORM fund.check_calendar_correction(p_year, v_days, p_source, p_on);
    END IF;
    INSERT INTO fund.calendar_proposal (region, year, version, source, days, digest, proposed_by, proposed_on)
    SELECT p_region, p_year, coalesce(max(version), 0) + 1, p_source, v_days, v_digest, v_user, p_on
      FROM fund.calendar_proposal WHERE region = p_region AND year = p_year;
    RETURN v_digest;
END $$;

-- A checker, another person, puts the table in force exactly as they have it before them, or refuses it with a reason.
CREATE OR REPLACE FUNCTION fund.decide_calendar(p_region integer, p_year integer, p_digest bytea, p_reason text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{checker}');
    v      fund.calendar_proposal;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.calendar ' || p_year, 0));
    SELECT * INTO v FROM fund.calendar_proposal WHERE region = p_region AND year = p_year AND state = 'proposed' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'calendar.no_proposal', DETAIL = format('没有待复核的%s年节假日表', p_year);
    ELSIF access.person(v_user) IS NOT DISTINCT FROM access.person(v.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', v.proposed_by);
    ELSIF v.digest <> p_digest THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'calendar.changed', DETAIL = format('待复核的%s年节假日表不是所核对的那一份', p_year);
    END IF;
    UPDATE fund.calendar_proposal SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, decided_by = v_user,
           decided_on = p_on, reason = p_reason WHERE region = p_region AND year = p_year AND version = v.version;
    IF p_reason <> '' THEN RETURN; END IF;
    IF EXISTS (SELECT 1 FROM fund.calendar_year WHERE year = p_year) THEN    -- a correction, or another region's people were first
        PERFORM fund.check_calendar_correction(p_year, v.days, v.source, p_on);
        DELETE FROM fund.calendar_day WHERE year = p_year;
        UPDATE fund.calendar_year SET source = v.source WHERE year = p_year;
    ELSE
        INSERT INTO fund.calendar_year VALUES (p_year, v.source);
    END IF;
    INSERT INTO fund.calendar_day
    SELECT split_part(d, ',', 1)::date, split_part(d, ',', 2) = 'Y', p_year FROM string_to_table(v.days, ';') AS d;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_run BEFORE INSERT OR UPDATE ON jobs.job_run FOR EACH ROW
    WHEN (access.working_login()) EXECUTE FUNCTION jobs.check_run();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON jobs.checked FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_asked BEFORE INSERT ON jobs.asked FOR EACH ROW
    WHEN (access.working_login()) EXECUTE FUNCTION jobs.check_asked();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON jobs.asked FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, job, slot ON jobs.job_run FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON jobs.job_run FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_policy BEFORE INSERT OR UPDATE ON fund.region_policy FOR EACH ROW EXECUTE FUNCTION fund.check_policy();
CREATE OR REPLACE TRIGGER check_policy BEFORE INSERT OR UPDATE ON fund.policy_proposal FOR EACH ROW EXECUTE FUNCTION fund.check_policy();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, key, from_day, version, value, source, proposed_by, proposed_on ON fund.policy_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.policy_proposal FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.region_policy FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, year, version, source, days, digest, proposed_by, proposed_on ON fund.calendar_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.calendar_proposal FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE ON fund.calendar_year FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE TRUNCATE ON fund.calendar_day FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER corrected BEFORE UPDATE ON fund.calendar_year FOR EACH ROW EXECUTE FUNCTION fund.check_calendar_changed();
CREATE OR REPLACE TRIGGER corrected BEFORE UPDATE OR DELETE ON fund.calendar_day FOR EACH ROW EXECUTE FUNCTION fund.check_calendar_changed();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON fund.policy_key
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.calendar_day TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.calendar_proposal TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.calendar_year TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.policy_key TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.region TO fundledger_service;
GRANT SELECT ON fund.region TO fundledger_auditor;
GRANT SELECT ON fund.region_policy TO fundledger_auditor, fundledger_poster;
GRANT SELECT ON fund.region_policy, fund.policy_proposal TO fundledger_service;
GRANT SELECT ON fund.policy_proposal TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.decide_policies(integer,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_policies(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.policy_digest(integer), fund.policy_text(integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.propose_policy(integer,text,date,text,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.after_working_days(date,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.decide_calendar(integer,integer,bytea,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.propose_calendar(integer,integer,text,date[],boolean[],date) TO fundledger_service;
GRANT SELECT, INSERT ON jobs.job_run TO fundledger_service;
GRANT SELECT ON jobs.job_run TO fundledger_auditor;
GRANT UPDATE (state, owner, epoch, lease_until, message) ON jobs.job_run TO fundledger_service;
GRANT SELECT ON jobs.checked TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION jobs.keep_check(integer,text,integer,integer) TO fundledger_auditor;
GRANT SELECT ON jobs.asked TO fundledger_service, fundledger_auditor;
GRANT INSERT (region, job, what, reason, on_day) ON jobs.asked TO fundledger_service;
GRANT EXECUTE ON FUNCTION jobs.lease_key(integer,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION jobs.require_lease(integer,text,text,integer) TO fundledger_service, fundledger_books, fundledger_payments;
