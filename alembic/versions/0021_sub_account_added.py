"""An agency adds accounts below the chart, by two persons; 4101 has its mandatory sub-accounts."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0021"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0021")


def downgrade() -> None:
    raise RuntimeError("an account with postings is not taken away")
