"""A list asked by a value that is none of its own is refused in words; a list as CSV is one that a spreadsheet reads as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from ledger.web.application import PAGES
from ledger.web.show import _PLACES
from tests.web.conftest import Browser

PATHS = [path for path in PAGES if "{" not in path] + ["/desk/books/trial-balance", "/desk/books/journal"]


def test_an_unknown_value_of_every_filter_is_refused_and_every_known_one_answers(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    li, tried = sat("li"), 0
    for path in PATHS:
        page = li.get(path)
        form = re.search(r'<form class="filters"[^>]*role="search">.*?</form>', page.text, re.S)
        for name, options in re.findall(
            r'<select name="([^"]+)">(.*?)</select>', form[0] if form else "", re.S
        ):
            if name in _PLACES:
                continue
            tried += 1
            answer = li.get(f"{path}?{name}=xyz")
            assert (answer.status_code, bool(re.search("代码 [a-z_]+[.][a-z_]+", answer.text))) == (
                422,
                True,
            ), (path, name)
            assert "xyz" in answer.text
            assert li.get(f"{path}?{name}=xyz&format=csv").status_code == 422, (path, name)
            for code in re.findall(r'<option value="([^"]*)"', options):
                assert li.get(f"{path}?{name}={unescape(code)}").status_code == 200, (path, name, code)
    assert tried >= 12


def test_a_csv_of_the_pages_begins_as_a_spreadsheet_asks(desk: Any, sat: Callable[[str], Browser]) -> None:
    li = sat("li")
    for path in ("/desk/orders", "/desk/books/trial-balance", "/desk/monitor"):
        content = li.get(f"{path}?format=csv").content
        assert content.startswith(b"\xef\xbb\xbf"), path
        assert content.count(b"\xef\xbb\xbf") == 1, path
