"""A deduction is taken in parts, and a sheet shows what is left of each (fund.deduction_taken, fund.sheet_due)."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0007")


def downgrade() -> None:
    raise RuntimeError("what was taken in parts does not fit the table before")
