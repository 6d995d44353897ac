"""The list of words is what the words say of themselves, and showing it imports none of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ledger.cli.commands import WORDS, Word, load


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_a_word_s_line_is_its_own(word: Word) -> None:
    assert (load(word).help or "").split("\n")[0] == word.help


def test_the_list_imports_no_word() -> None:
    code = (
        "import sys; sys.argv = ['fundledger', '--help']\n"
        "from ledger.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith(('ledger.fund', 'ledger.payments', 'paramiko'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "verify" in said
    assert said.rstrip().endswith("[]")
