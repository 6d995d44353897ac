"""The spine: access, journal, business and payment tables with their functions, guards and grants."""

from alembic import op
from ledger.db.migrate import run_script, sql_files

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for script in sql_files():
        run_script(op.get_bind(), script.read_text(encoding="utf-8"))


def downgrade() -> None:
    # A ledger is never taken back to nothing: that would be a deletion of books.
    raise RuntimeError("the first revision has no way back")
