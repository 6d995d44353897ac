"""A region's own voucher templates, by two persons, in versions; a hand-written voucher names the one it was filled from."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0030")


def downgrade() -> None:
    raise RuntimeError("templates that vouchers name are not taken away")
