"""Vouchers are found by words and amounts without reading the journal; control reports are kept as they were signed."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0019")


def downgrade() -> None:
    raise RuntimeError("a signed control report is not unsigned")
