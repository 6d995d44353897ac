"""`python -m tests.db.house` writes ledger/db/house.tsv anew where the schema it describes is not the one that is shipped."""

from __future__ import annotations

import shutil
import sys

import psycopg

from ledger.db.house import SHIPPED, facts, shipped_of, written
from ledger.db.identity import carried
from ledger.db.migrate import migrate
from ledger.settings import Settings
from tests.scenes.server import fast_cluster, new_home


def text_of(url: str) -> str:
    """What the file must say by the database at `url`, with one month's partitions; nothing of it stays there."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT books.make_partitions(202610)")
        found = written(facts(connection))
        connection.rollback()
    return found


def current() -> bool:
    """Whether the file is of the schema this checkout ships."""
    return SHIPPED.exists() and shipped_of() == carried()[:2]


def main() -> None:
    """Build a database from the revisions and write what it is made of."""
    home = new_home()
    server = fast_cluster(home)
    try:
        server.start()
        migrate(Settings(home=home, database_url=server.admin_url()))
        SHIPPED.write_text(text_of(server.admin_url()), encoding="utf-8")
    finally:
        server.stop("immediate")
        shutil.rmtree(home)
    sys.stdout.write(f"{SHIPPED.name}: {SHIPPED.read_text(encoding='utf-8').count(chr(10))} lines\n")


if __name__ == "__main__" and not current():
    main()
