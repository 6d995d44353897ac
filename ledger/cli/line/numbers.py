"""How large a whole number may be that an act is given: one place for the pages and the API, by the field's name and its type.

What lies outside is no fund, year or month, or fits no column; it is refused before anything is asked of the database.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.core.errors import InvalidInput

_MONTH: Final = (100_001, 999_912)
RANGES: Final[dict[str, tuple[int, int]]] = {
    "fund": (1, 999),
    "party": (100_000, 999_999),
    "year": (1_000, 9_999),
    "term": _MONTH,
    "period": _MONTH,
    "month": _MONTH,
    "load": (1, 2**63 - 1),
    "line": (1, 2**63 - 1),
}
"""By a field's name. 0, where it says `all` or `none`, is the command's to judge."""
OTHERS: Final = (-(2**31), 2**31 - 1)


def is_number(parameter: Any) -> bool:
    """Whether a command's parameter is a whole number, or several."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return annotation is int or str(annotation) == "list[int]"


def require_range(parameter: Any, text: str) -> None:
    """Raise InvalidInput `usage.value` where the text is a number that such a field cannot be; what is no number is the parser's."""
    try:
        number = int(text)
    except ValueError:
        return  # also one of thousands of digits
    least, most = RANGES.get(parameter.name, OTHERS)
    if number and not least <= number <= most:
        raise InvalidInput(
            "usage.value",
            f"{parameter.name}的值“{text[:60]}”超出范围：应为{least}至{most}",
            field=parameter.name,
        )
