"""Alarms and events told outside: to a web address under a signature, to a mailbox; at least once each, under the same id.

Noted first, in one transaction, then sent one by one, each with its outcome in a transaction of its own: whatever dies in
between, nothing that was noted is forgotten, and what is sent twice says by its id that it is the same.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from adapters.notices.mail import Mailbox, send_mail
from adapters.notices.webhook import Hook, post
from ledger.access.alarms import DUE_AT_ONCE, AlarmNotice, due_notices, note_alarm, notice_failed, notice_sent
from ledger.acts.events import KINDS, happened
from ledger.bootstrap import App
from ledger.control.alarms.standing import Moment, standing, told
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

FILE: Final = "notices.toml"


@dataclass(frozen=True, slots=True)
class ToldOutside:
    """How many notices were taken by the other side, and how many will be tried again."""

    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class Channels:
    """Where alarms go, by the home's notices.toml; None: not there."""

    webhook: Hook | None
    mail: Mailbox | None
    events: tuple[str, ...] = ()
    """Kinds of ledger.acts.events that the web address is told of."""
    since: date = date.max
    """From which day on."""

    def names(self) -> list[str]:
        """Those that are there."""
        return [name for name, there in (("webhook", self.webhook), ("mail", self.mail)) if there is not None]


def channels_of(home: Path) -> Channels:
    """Read notices.toml and the secrets it names; none is no error. Raises InvalidInput `notices.file`, `notices.secret`."""
    path = home / FILE
    if not path.is_file():
        return Channels(None, None)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
        hook, mail = given.get("webhook"), given.get("mail")
        return Channels(
            None if hook is None else Hook(str(hook["url"]), _secret(home, hook["secret_file"]).encode()),
            None if mail is None else _mailbox(home, mail),
            *((), date.max) if hook is None or "events" not in hook else _events(hook),
        )
    except (
        tomllib.TOMLDecodeError,
        UnicodeDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise InvalidInput(
            "notices.file",
            f"告警通知的设置{path}不合规：{type(error).__name__} {str(error)[:80]}",
            file=str(path),
        ) from None


def tell(app: App, region: int, machine: float) -> ToldOutside:
    """Note every alarm nobody was told of, then send what is due. Raises InvalidInput `notices.*`."""
    channels = channels_of(app.settings.home)
    names = channels.names()
    if not names:
        return ToldOutside(0, 0)
    with unit_of_work(app.engine, app.user, region) as tx:
        for alarm in standing(tx, Moment(app.now(), machine)):
            if alarm.seen is None and alarm.kind != "notice":  # that nobody hears us is told to those who ask
                content = {"region": region, **told(alarm)}
                del content["seen"], content["age_seconds"]  # of the moment, while the notice stays the same
                note_alarm(tx, alarm.key, content, names)
        for event in happened(tx, channels.events, channels.since):
            note_alarm(tx, event.key, {"region": region, **event.content}, ["webhook"])
    sent, failed, silent = 0, 0, set[str]()
    while True:
        with unit_of_work(app.engine, app.user, region) as tx:
            due = due_notices(tx, [name for name in names if name not in silent])
            for notice in due:
                if (
                    notice.channel in silent
                ):  # who does not answer is asked again another time, and nobody waits for him
                    continue
                problem = _send(channels, notice)
                if problem:
                    notice_failed(tx, notice, problem)
                    silent.add(notice.channel)
                    failed += 1
                else:
                    notice_sent(tx, notice)
                    sent += 1
        if len(due) < DUE_AT_ONCE:
            return ToldOutside(sent, failed)


def _events(hook: Mapping[str, Any]) -> tuple[tuple[str, ...], date]:
    """Which events, since when: told from a day on, so that the first time does not tell of years."""
    kinds = tuple(str(one) for one in hook["events"])
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"webhook.events {kind[:40]}: {', '.join(KINDS)}")
    return kinds, parse_day(str(hook["events_since"]))


def _send(channels: Channels, notice: AlarmNotice) -> str:
    """Why it was not taken; empty when it was."""
    if notice.channel == "webhook" and channels.webhook is not None:
        body = json.dumps({"id": notice.id, **notice.content}, ensure_ascii=False, sort_keys=True).encode()
        return post(channels.webhook, notice.id, body)
    if notice.channel == "mail" and channels.mail is not None:
        return send_mail(channels.mail, notice.id, _subject(notice.content), _text(notice.content))
    return "没有这个渠道"


def _subject(content: Mapping[str, Any]) -> str:
    return f"[{said('alarm.severity', str(content['severity']))}] {content['region']} {content['what']}"


def _text(content: Mapping[str, Any]) -> str:
    lines = [
        f"统筹区：{content['region']}",
        f"告警：{content['what']}（{content['kind']}）",
        f"对象：{content['subject']}",
        f"起于：{content['since']}",
        f"说明：{content['detail']}",
        f"有关岗位：{'、'.join(said('user.role', post) for post in content.get('whom', ()))}",
        f"处理：{content['ask']}",
        f"标识：{content['key']}",
    ]
    return "\n".join(lines) + "\n"


def _secret(home: Path, name: str) -> str:
    """A secret's file below the home's secrets, readable by its owner only."""
    path = home / "secrets" / Path(name).name
    try:
        text = path.read_text(encoding="utf-8").strip()
        mode = path.stat().st_mode
    except OSError:
        raise InvalidInput("notices.secret", f"读不到告警通知的密钥文件{path}", file=str(path)) from None
    if mode & 0o077 or len(text) < 16:
        raise InvalidInput(
            "notices.secret", f"告警通知的密钥文件{path}须只有所有者可读，且不少于16个字符", file=str(path)
        )
    return text


def _mailbox(home: Path, given: Mapping[str, Any]) -> Mailbox:
    password = _secret(home, given["password_file"]) if "password_file" in given else ""
    authority = home / str(given["ca_file"]) if "ca_file" in given else None
    return Mailbox(
        host=str(given["host"]),
        port=int(given["port"]),
        tls=str(given.get("tls", "starttls")),
        sender=str(given["from"]),
        to=tuple(str(one) for one in given["to"]),
        user=str(given.get("user", "")),
        password=password,
        authority=authority,
    )
