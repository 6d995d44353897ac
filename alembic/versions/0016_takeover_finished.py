"""A cut-over carries payments on their way, the bank's open items and findings; sub-accounts below the chart are added."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0016")


def downgrade() -> None:
    raise RuntimeError("what was taken over is not given back")
