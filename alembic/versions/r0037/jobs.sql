-- When a run began and ended; NULL: of before these were kept.
ALTER TABLE jobs.job_run ADD COLUMN started_at timestamptz, ADD COLUMN ended_at timestamptz;

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

-- A daily job's time of day in a region; a job that may stay away says `off`.
INSERT INTO fund.policy_key VALUES
    ('job_at_day',       '定时任务“当日办理”的时刻；off不办（未选时06:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_overdue',   '定时任务“催问逾期”的时刻（未选时09:30）', '([01][0-9]|2[0-3]):[0-5][0-9]'),
    ('job_at_handback',  '定时任务“日拨付回传”的时刻；off不办（未选时每月3日08:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_backup',    '定时任务“备份”的时刻；off不办（未选时01:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_check',     '定时任务“夜间核验”的时刻（未选时23:15）', '(2[0-3]):[0-5][0-9]');
