"""An agency is taken over: opening balances, open items and records as one set; parties are a kept list."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0013")


def downgrade() -> None:
    raise RuntimeError("what was taken over is not given back")
