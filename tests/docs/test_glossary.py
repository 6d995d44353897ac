"""The glossary: one line for one word; the Chinese is what the product prints, the English what code and tables say."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.docs.rooms import ROOT, tracked

GLOSSARY = ROOT / "docs" / "glossary.md"
PRODUCT = ("ledger", "adapters", "reports", "scheduler")


class Word(NamedTuple):
    """A line of the glossary."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    where: str
    meaning: str


def words() -> list[Word]:
    found = []
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| English"):
            english, chinese, where, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(
                Word(
                    tuple(term.strip() for term in re.sub(r"\(.*?\)", "", english).split(",")),
                    tuple(term.strip() for term in re.split("[、/]", chinese)),
                    where.strip("`"),
                    meaning,
                )
            )
    return found


def plain(text: str) -> str:
    """Names and prose alike: `DailyPayable`, `daily_payable` and `daily payable` are one."""
    return re.sub(r"[\s_\-.]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def stands(term: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(plain(term))}(s|es)?\b", text) is not None


def files(*suffixes: str) -> Iterator[Path]:
    return (path for path in tracked() if path.parts[0] in PRODUCT and path.suffix in suffixes)


@cache
def said(path: Path) -> str:
    return plain((ROOT / path).read_text(encoding="utf-8"))


def prints(path: Path) -> Iterator[str]:
    """The strings of a module that can reach a person: literals, and the docstrings of commands, which are their help."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        elif isinstance(node, ast.FunctionDef) and any(
            "command" in ast.unparse(one) for one in node.decorator_list
        ):
            yield ast.get_docstring(node) or ""


@cache
def printed() -> str:
    texts = [text for path in files(".py") for text in prints(path)]
    texts += [(ROOT / path).read_text(encoding="utf-8") for path in files(".csv", ".tsv")]
    return "\n".join(texts)


def test_every_chinese_term_is_one_the_product_prints() -> None:
    assert len(words()) > 60
    assert [term for word in words() for term in word.chinese if term not in printed()] == []


def test_every_english_term_is_said_where_the_line_says() -> None:
    code = {str(path): path for path in files(".py", ".sql", ".csv", ".tsv")}
    assert [word.where for word in words() if word.where not in code] == []
    assert [
        (term, word.where)
        for word in words()
        for term in word.english
        if not stands(term, said(code[word.where]))
    ] == []


def test_no_term_stands_twice() -> None:
    english = Counter(plain(term) for word in words() for term in word.english)
    chinese = Counter(term for word in words() for term in word.chinese)
    assert [term for term, times in (english + chinese).items() if times > 1] == []


def test_every_line_says_what_it_is() -> None:
    assert [
        word.english for word in words() if not word.meaning or not all((*word.english, *word.chinese))
    ] == []
