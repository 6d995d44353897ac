-- What was decided without a signature at the moment from which a region demands them.
CREATE TABLE access.before_demand (
    region    integer NOT NULL,
    act       text NOT NULL,
    object    text NOT NULL,
    digest    text NOT NULL,
    user_name text NOT NULL,
    day       date NOT NULL,
    PRIMARY KEY (region, act, object, digest, user_name, day)
);

-- Within which days of the database's own moment a person may date what they decide.
INSERT INTO fund.policy_key VALUES
    ('act_days', '办理日期可比数据库时间早的日历日数，不得晚于数据库时间；未选时只限定晚于账套最近凭证一个月', '[0-9]|[12][0-9]|3[01]');
