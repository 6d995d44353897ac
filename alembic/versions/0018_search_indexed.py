"""Vouchers are found by words and amounts without reading the journal; control reports are kept as they were signed."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0018"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0018")


def downgrade() -> None:
    raise RuntimeError("a signed control report is not unsigned")
