"""4101 is divided as its text demands, in every book where nothing stands on it."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0022")


def downgrade() -> None:
    raise RuntimeError("an account with postings is not taken away")
