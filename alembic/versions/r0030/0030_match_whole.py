"""A match comes whole, in one statement: what its foreign keys said row by row is asked of the whole set."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0030")


def downgrade() -> None:
    raise RuntimeError("matches are kept")
