"""A region's own template as a file: the shape of entries.toml, one `[[template]]`, every field looked at."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from ledger.books.templates.read import LINE, Template, line_of
from ledger.core.errors import InvalidInput
from ledger.core.malformed import why_malformed

BYTES_MAX: Final = 64 * 1024
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{1,19}")
_TEXTS: Final = {"title": 60, "article": 200, "summary": 200}
_FIELDS: Final = ("code", *_TEXTS, "lines")


def read_own(fund: int, content: bytes) -> Template:
    """The form a file describes, for a book of `fund`; what the book says of its accounts the database judges.

    Raises InvalidInput `template.file` (not TOML, not one template), `template.field` (unknown, missing, of another kind),
    `template.line`.
    """
    try:
        document = tomllib.loads(content.decode("utf-8-sig")) if len(content) <= BYTES_MAX else {}
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(
            "template.file", f"模板文件不是UTF-8的TOML：{why_malformed(error)}", field="file"
        ) from error
    found = document.get("template")
    if set(document) != {"template"} or not isinstance(found, list) or len(found) != 1:
        raise InvalidInput(
            "template.file", f"模板文件应只有一段[[template]]，不超过{BYTES_MAX}字节", field="file"
        )
    return _form(fund, found[0])


def _form(fund: int, one: Any) -> Template:
    if not isinstance(one, dict):
        raise InvalidInput("template.file", "模板文件应只有一段[[template]]", field="file")
    for name in one:
        if name not in (*_FIELDS, "funds"):
            raise InvalidInput(
                "template.field", f"模板没有“{name[:20]}”这一项，应为{'、'.join(_FIELDS)}", field=name[:20]
            )
    funds = one.get("funds", [fund])
    if not isinstance(funds, list) or fund not in funds:
        raise InvalidInput("template.field", f"funds没有本账套的基金{fund}", field="funds")
    code = _text(one, "code", 20)
    if not _CODE.fullmatch(code) and not re.fullmatch("[ABC][0-9].*", code):
        raise InvalidInput(
            "template.field", f"编号“{code}”应为大写字母开头的2到20位字母、数字，如WH01", field="code"
        )
    title, article, summary = (_text(one, name, longest) for name, longest in _TEXTS.items())
    lines = one.get("lines")
    if not isinstance(lines, list) or not lines:
        raise InvalidInput("template.field", "lines应为逐行的分录", field="lines")
    for n, line in enumerate(lines, 1):
        if not isinstance(line, str) or LINE.fullmatch(line) is None:
            raise InvalidInput(
                "template.line",
                f"第{n}行“{str(line)[:60]}”不是分录，应如 贷 41010101|41010102 amount",
                field="lines",
            )
    return Template(code, fund, title, article, summary, "", tuple(map(line_of, lines)))


def _text(one: Mapping[str, object], name: str, longest: int) -> str:
    text = one.get(name)
    if (
        not isinstance(text, str)
        or not 1 <= len(text.strip()) <= len(text) <= longest
        or any(c in "|\\" or ord(c) < 32 for c in text)
    ):
        raise InvalidInput(
            "template.field", f"{name}应为1到{longest}字，且不含竖线、反斜杠、换行", field=name
        )
    return text.strip()
