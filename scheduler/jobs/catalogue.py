"""The jobs: what runs by itself, when, what it needs, and what a failure raises. People still approve and send."""

from __future__ import annotations

from typing import Final

from ledger.core.errors import NotFound
from scheduler.jobs.alarms import tell_alarms
from scheduler.jobs.anchors import keep_anchors
from scheduler.jobs.backup import back_up
from scheduler.jobs.check import check_promises
from scheduler.jobs.control import draw_reports
from scheduler.jobs.day import run_day
from scheduler.jobs.handback import hand_back_month
from scheduler.jobs.job import Job
from scheduler.jobs.monitor import count_figures
from scheduler.jobs.overdue import ask_banks
from scheduler.jobs.receipts import take_receipts
from scheduler.jobs.recurring import draft_recurring
from scheduler.jobs.retention import list_retention
from scheduler.jobs.risk import ask_rules
from scheduler.jobs.seals import write_seals
from scheduler.jobs.search import take_in_entries

_FAILED: Final = "告警：定时任务最近一次未成"
JOBS: Final = (
    Job(
        "day", "当日办理", "6", "30", run_day, each_day=True,
        needs="接口用户；节假日表；会计期间未结账", deadline="拨付日上午（第11条：出院结算后两日内拨付）", raises=_FAILED,
    ),
    Job(
        "receipts", "取回单入账", "7-22", "*/10", take_receipts, often=True,
        needs="支出户的文件通道", deadline="银行回单T+3", raises=_FAILED,
    ),
    Job(
        "risk", "风险规则", "7", "30", ask_rules, each_day=True,
        needs="当日办理已记账；统筹区所选的各项风险阈值", deadline="每日（第27条）", raises=_FAILED + "；待办的风险事项另有告警",
    ),
    Job(
        "monitor", "监测数据", "*", "*/10", count_figures, often=True,
        needs="接口用户", deadline="十分钟", raises=_FAILED,
    ),
    Job(
        "overdue", "催问逾期回单", "9", "30", ask_banks, each_day=True,
        needs="统筹区所选的回单期限（日数）", deadline="银行回单T+3", raises=_FAILED + "；逾期各单另有告警",
    ),
    Job(
        "handback", "日拨付回传", "8", "0", book_work=hand_back_month, each_day=True, month_day=3,
        needs="上月已终了", deadline="每月3日（第12条）", raises=_FAILED + "；逾期另有告警",
    ),
    Job(
        "recurring", "定期凭证制单", "7", "0", book_work=draft_recurring,
        needs="两人确认的定期凭证；会计期间未结账", deadline="到期日（逾期另有告警）", raises=_FAILED,
    ),
    Job(
        "seals", "结账月份签名文件", "2", "30", book_work=write_seals,
        needs="已结账的会计期间；数据目录可写", deadline="结账次日；封存由会计主管办理", raises=_FAILED,
    ),
    Job(
        "control", "内控报告编制", "4", "0", draw_reports,
        needs="结算记录、账簿；未签署的本月与上月", deadline="无；签署由内控稽核办理", raises=_FAILED,
    ),
    Job(
        "retention", "保存期限清单", "8", "30", list_retention, month_day=1,
        needs="统筹区所选的各类资料保存年数", deadline="无；销毁由人决定", raises=_FAILED,
    ),
    Job(
        "anchors", "链头存证", "*", "5", keep_anchors, often=True,
        needs="数据目录可写", deadline="每小时", raises=_FAILED,
    ),
    Job(
        "search", "凭证检索更新", "*", "*/10", take_in_entries, often=True,
        needs="接口用户", deadline="无", raises=_FAILED,
    ),
    Job(
        "alarms", "告警通知", "*", "*/5", tell_alarms, often=True,
        needs="安装时所设的通知接收方", deadline="五分钟", raises=_FAILED + "；通知未送达另有告警",
    ),
    Job(
        "backup", "备份", "1", "30", back_up, one_region=True,
        needs="管理员连接；备份接收人，未设则为本数据目录的密钥", deadline="每日", raises=_FAILED,
    ),
    Job(
        "check", "核验全部承诺", "23", "15", check_promises,
        needs="核验登录", deadline="每日；26小时未完成即告警", raises="告警：核验发现问题、夜间核验久未完成",
    ),
)  # fmt: skip


def job_named(name: str) -> Job:
    """The job of a name; raises NotFound `job.unknown`."""
    for job in JOBS:
        if job.name == name:
            return job
    raise NotFound(
        "job.unknown", f"没有任务{name[:40]}：有{'、'.join(job.name for job in JOBS)}", job=name[:40]
    )
