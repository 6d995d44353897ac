"""A region's own voucher templates, by two persons, in versions; a hand-written voucher names the one it was filled from."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0031")


def downgrade() -> None:
    raise RuntimeError("templates that vouchers name are not taken away")
