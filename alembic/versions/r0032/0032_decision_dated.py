"""Decisions that had no date have one, so that it can be told which of them needed a signature."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0032")


def downgrade() -> None:
    raise RuntimeError("the dates of decisions are not taken away")
