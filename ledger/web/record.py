"""One thing on a page: its facts, its tables, and the acts that may be asked for; each act is one of the command line's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from starlette.responses import Response

from ledger.web.show import FILES, Filter, file_of, page, require_known, rows_of
from ledger.web.sitting import Desk
from reports.render.grid import Grid


class Ask(NamedTuple):
    """A field that a person fills in before an act."""

    name: str
    """As the act calls it."""
    label: str
    kind: str = "text"
    choices: Sequence[tuple[str, str]] = ()
    value: str = ""
    needed: bool = True
    many: bool = False
    """Several, between commas."""
    mark: str = ""
    """How the field is read where it is no plain value (ledger.web.fields)."""

    @property
    def field(self) -> str:
        """What the form calls it."""
        return f"{self.mark or ('l' if self.many else 'v')}.{self.name}"


class Offer(NamedTuple):
    """A form for one act: offered to a post, done or refused by the act itself and the database."""

    roles: Sequence[str]
    act: str
    """As the command line says it: `declare apply`."""
    button: str
    held: Mapping[str, object]
    """What the page itself gives: the thing, the region, the digest of what was shown."""
    asks: Sequence[Ask] = ()
    note: str = ""
    back: str = ""
    """Where one comes back to; empty: the page of this."""
    keyed: bool = True
    """Under a key, so that twice is once; not where the answer holds a secret, which is never kept."""

    @property
    def action(self) -> str:
        """Where the form goes."""
        word, _, rest = self.act.partition(" ")
        return f"/desk/act/{word}/{rest.replace(' ', '+')}"


REFUSAL = Ask("refuse", "不同意的理由")
"""Of most acts by which a second person decides."""


def account_asks() -> tuple[Ask, ...]:
    """The four parts of an account as the acts take them: name, number, bank, its clearing number."""
    labels = ("收款户名", "账号", "开户行", "行号")
    return tuple(Ask("payee", label, mark="r") for label in labels)


def whole_payee(desk: Desk, key: str) -> Offer:
    """The form that shows a natural person's name and account whole, with a reason that the operator log keeps; its answer is kept
    nowhere."""
    return Offer(
        ("checker", "maker", "accountant", "reviewer"), "data open-payee", "查看收款人全名、账号", {"region": desk.region, "key": key, "clear": True},
        (Ask("reason", "查看的理由（记入操作日志）"),), note="连同审批所签的摘要。", keyed=False,
    )  # fmt: skip


def decide(
    roles: Sequence[str], act: str, held: Mapping[str, object], refusal: str = "refuse"
) -> list[Offer]:
    """The two forms of a second person's decision: agree, or send back with a reason."""
    return [
        Offer(roles, act, "复核同意", held),
        Offer(roles, act, "退回", held, (REFUSAL._replace(name=refusal),)),
    ]


def offered(desk: Desk, offers: Iterable[Offer]) -> list[Offer]:
    """Those whose post the user holds here."""
    return [one for one in offers if desk.can(*one.roles)]


def record_page(
    desk: Desk,
    title: str,
    facts: Sequence[tuple[str, object]] = (),
    grids: Sequence[Grid] = (),
    offers: Iterable[Offer] = (),
    *,
    filters: Sequence[Filter] = (),
    here: str,
    template: str = "record.html",
    status: int = 200,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """The page of one thing, or its tables as the file that `format` asks for. `here` is its address, for coming back to."""
    require_known(desk, filters)
    shape = desk.query.get("format", "")
    if shape in FILES and grids:
        return file_of(grids, shape)
    asked = {name: value for name, value in desk.query.items() if value and name != "format"}
    return page(
        desk, template, status, title=title, facts=[(name, value) for name, value in facts if value not in (None, "")],
        tables=[(grid, rows_of(desk, grid)) for grid in grids], offers=offered(desk, offers), filters=filters, asked=asked,
        here=here, **(extra or {}),
    )  # fmt: skip
