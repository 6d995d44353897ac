"""Receipts of subsidies and of our own money between own accounts are told; a single waiting page of a statement is taken back."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0029")


def downgrade() -> None:
    raise RuntimeError("what a receipt was said to be is not taken back")
