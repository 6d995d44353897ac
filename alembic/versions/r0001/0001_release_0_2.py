"""Release 0.2's first revision: the schema as it stood then, frozen in r0001 and never edited again."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0001")


def downgrade() -> None:
    # A ledger is never taken back to nothing: that would be a deletion of books.
    raise RuntimeError("the first revision has no way back")
