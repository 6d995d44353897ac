"""Receipts without an event of their own are booked, statements come in pages and are withdrawn, requests by plan and float."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0015")


def downgrade() -> None:
    raise RuntimeError("what was booked of a receipt is not given back")
