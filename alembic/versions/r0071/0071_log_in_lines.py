"""A session says which line of the operator log its log-in left: the database writes it with the session."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0071")


def downgrade() -> None:
    raise RuntimeError("a log-in keeps its line")
