"""An agency adds accounts below the chart, by two persons."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0020")


def downgrade() -> None:
    raise RuntimeError("an account with postings is not taken away")
