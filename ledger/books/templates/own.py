"""A region's own voucher templates beside the regulation's: by two persons, in versions, each in force from its day.

The database numbers them, judges their lines and decides which is in force (sql/books/vouchers_templates.sql). A newer
version takes an older one's place, a version without lines retires the template; vouchers keep naming the one they came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.access.signing.signing import signed
from ledger.books.templates.read import Template, line_of, template, templates
from ledger.core.entries import FUND_NAMES, Book
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """One version with what was decided of it; without lines it ends the template from its day on."""

    book: Book
    form: Template
    from_day: date
    digest: bytes
    state: str
    proposed_by: str
    proposed_on: date
    decided_by: str
    decided_on: date | None
    reason: str

    @property
    def template_id(self) -> str:
        """Code and version, as `WH01@2`."""
        return self.form.own_id

    @property
    def retires(self) -> bool:
        """Whether it ends the template."""
        return not self.form.lines

    @property
    def since(self) -> date | None:
        """The first day it can be used (or is retired); None while it is not confirmed."""
        if self.state != "confirmed" or self.decided_on is None:
            return None
        return max(self.from_day, self.decided_on)

    def as_json(self) -> dict[str, object]:
        """For machines; what is not decided yet is empty."""
        return self.form.as_json() | {
            "template": self.template_id,
            "book": str(self.book),
            "from": self.from_day.isoformat(),
            "since": self.since.isoformat() if self.since else "",
            "retires": self.retires,
            "state": self.state,
            "digest": self.digest.hex(),
            "proposed_by": self.proposed_by,
            "proposed_on": self.proposed_on.isoformat(),
            "decided_by": self.decided_by,
            "decided_on": self.decided_on.isoformat() if self.decided_on else "",
            "reason": self.reason,
        }


def own_templates(tx: Transaction, book: Book, code: str = "") -> list[OwnTemplate]:
    """Every version of a book's own templates, or of one, oldest first."""
    rows = tx.rows(
        """SELECT code, version, title, article, summary, lines, from_day, digest, state, proposed_by, proposed_on, decided_by,
                  decided_on, reason
             FROM books.voucher_template
            WHERE region = %(region)s AND fund = %(fund)s AND %(code)s IN ('', code) ORDER BY code COLLATE "C", version""",
        region=book.region,
        fund=book.fund,
        code=code,
    )
    found = []
    for code_, version, title, article, summary, lines, from_day, digest, *decided in rows:
        form = Template(code_, book.fund, title, article, summary, "", tuple(map(line_of, lines)), version)
        found.append(OwnTemplate(book, form, from_day, bytes(digest), *decided))
    return found


def own_template(tx: Transaction, book: Book, template_id: str) -> OwnTemplate:
    """One version. Raises NotFound `template.unknown`."""
    for one in own_templates(tx, book, template_id.partition("@")[0]):
        if one.template_id == template_id:
            return one
    raise NotFound("template.unknown", f"账套{book}没有凭证模板{template_id[:32]}", template=template_id[:32])


def forms_on(tx: Transaction, book: Book, day: date) -> Mapping[str, Template]:
    """Every template that can be used on a day, by code: the regulation's and the region's own. Raises NotFound `fund.unknown`."""
    newest = {
        one.form.code: one.form
        for one in own_templates(tx, book)
        if one.since is not None and one.since <= day
    }
    return {**templates(book.fund), **{code: form for code, form in newest.items() if form.lines}}


def template_on(tx: Transaction, book: Book, code: str, day: date) -> Template:
    """The template of a code on a day. Raises NotFound `template.unknown`; Conflict `template.not_yet`, `template.retired`."""
    found = forms_on(tx, book, day).get(code)
    if found is not None:
        return found
    confirmed = [one for one in own_templates(tx, book, code) if one.since is not None]
    if not confirmed:
        return template(book.fund, code)
    first = min(one.since for one in confirmed if one.since)
    if day < first:
        raise Conflict("template.not_yet", f"凭证模板{code}自{first}起方可使用，{day}尚不能用", template=code)
    raise Conflict("template.retired", f"凭证模板{code}在{day}已停用", template=code)


def propose_template(tx: Transaction, book: Book, form: Template, from_day: date, day: date) -> OwnTemplate:
    """Propose a form as the next version of its code, in force from `from_day` on; the same again is the same while it waits.

    Raises InvalidInput `template.day`, `template.line`, `template.unbalanced`, `account.unknown`; Conflict
    `template.shipped_code`; Forbidden `voucher.rule_account`, `access.role_missing`.
    """
    return _propose(tx, book, form, [str(line) for line in form.lines], from_day, day)


def propose_retirement(
    tx: Transaction, book: Book, code: str, article: str, from_day: date, day: date
) -> OwnTemplate:
    """Propose that a template be used no more from `from_day` on, by the paper `article`.

    Raises NotFound `template.unknown`; Conflict `template.retired`, `template.shipped_code`; InvalidInput `template.field`,
    `template.day`; Forbidden `access.role_missing`.
    """
    if not article.strip() or len(article) > 200 or any(c in "|\\" or ord(c) < 32 for c in article):
        raise InvalidInput("template.field", "article应为1到200字，且不含竖线、反斜杠、换行", field="article")
    return _propose(tx, book, Template(code, book.fund, "", article.strip(), "", "", ()), [], from_day, day)


def confirm_template(tx: Transaction, book: Book, template_id: str, digest: bytes, day: date) -> OwnTemplate:
    """Put a version (or a retirement) in force as checker and another person, naming its digest.

    Raises NotFound `template.unknown`; Conflict `template.state`, `template.changed`, `template.in_use`; InvalidInput
    `template.day` and what `propose_template` raises, asked again; Forbidden `template.same_person`, `access.role_missing`.
    """
    signed(tx, "template.confirm", f"{book} {template_id}", digest.hex(), day)
    return _decide(tx, book, template_id, digest, "", day)


def refuse_template(
    tx: Transaction, book: Book, template_id: str, digest: bytes, reason: str, day: date
) -> OwnTemplate:
    """Refuse one that waits; raises as `confirm_template`, and InvalidInput `template.reason`."""
    text = reason.strip()
    if not text or len(text) > 200 or any(c in "|\\" or ord(c) < 32 for c in text):
        raise InvalidInput(
            "template.reason", "退回须写明理由，1到200字，且不含竖线、反斜杠、换行", field="reason"
        )
    return _decide(tx, book, template_id, digest, text, day)


def _propose(
    tx: Transaction, book: Book, form: Template, lines: list[str], from_day: date, day: date
) -> OwnTemplate:
    if book.fund not in FUND_NAMES:
        raise NotFound("fund.unknown", f"没有基金{book.fund}的凭证模板", fund=book.fund)
    made = tx.value(
        """SELECT books.propose_template(%(region)s, %(fund)s::smallint, %(code)s, %(title)s, %(article)s, %(summary)s,
                  %(lines)s::text[], %(since)s, %(on)s)""",
        region=book.region,
        fund=book.fund,
        code=form.code,
        title=form.title,
        article=form.article,
        summary=form.summary,
        lines=lines,
        since=from_day,
        on=day,
    )
    return own_template(tx, book, made)


def _decide(
    tx: Transaction, book: Book, template_id: str, digest: bytes, reason: str, day: date
) -> OwnTemplate:
    tx.run(
        "SELECT books.decide_template(%(region)s, %(fund)s::smallint, %(id)s, %(digest)s, %(reason)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        id=template_id,
        digest=digest,
        reason=reason,
        on=day,
    )
    return own_template(tx, book, template_id)
