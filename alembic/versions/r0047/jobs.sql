-- Times of the jobs that draft recurring vouchers, write the signed files of closed months and list what is past its time.
INSERT INTO fund.policy_key VALUES
    ('job_at_recurring', '定时任务“定期凭证制单”的时刻；off不办（未选时07:00）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_seals',     '定时任务“结账月份签名文件”的时刻；off不办（未选时02:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off'),
    ('job_at_retention', '定时任务“保存期限清单”的时刻；off不办（未选时每月1日08:30）', '([01][0-9]|2[0-3]):[0-5][0-9]|off');
