"""Whole numbers that an act is given are held to their field before anything is done: for every act, at the one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.cli.line.numbers import OTHERS, RANGES, is_number
from ledger.cli.remote import _arguments, acts
from ledger.core.errors import InvalidInput

FIELDS = [
    (name, parameter.name)
    for name, command in acts().items()
    for parameter in command.params
    if is_number(parameter)
]


def test_every_number_of_every_act_has_its_range(tmp_path: Path) -> None:
    assert len(FIELDS) > 200
    for name, field in FIELDS:
        least, most = RANGES.get(field, OTHERS)
        for wrong in ("9" * 20, "-" + "9" * 20, str(most + 1), str(least - 1) if least != 1 else "-1", 2**70):
            with pytest.raises(InvalidInput, match="超出范围") as refused:
                _arguments(acts()[name], {field: wrong}, tmp_path)
            assert (refused.value.code, refused.value.status) == ("usage.value", 422), (name, field)
        _arguments(acts()[name], {field: str(most)}, tmp_path)


def test_what_is_no_number_is_the_parsers(tmp_path: Path) -> None:
    """It says what is expected; so is a flag, a text of digits and a number of more digits than are read."""
    for value in ("x", "", "1.5", "9" * 5_000):
        assert f"--period={value}" in _arguments(
            acts()["book open"], {"book": "420100-310", "period": value}, tmp_path
        )
    told: Any = _arguments(acts()["month deduct"], {"amount": "99999999999999999999"}, tmp_path)
    assert "--amount=99999999999999999999" in told
