"""A cut-over carries payments on their way, the bank's open items and findings; sub-accounts below the chart are added."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0017")


def downgrade() -> None:
    raise RuntimeError("what was taken over is not given back")
