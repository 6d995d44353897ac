"""Vouchers by hand entered whole: kept papers, files of the tax and the fiscal office, recurring ones, a day's papers at once."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0016")


def downgrade() -> None:
    raise RuntimeError("papers that vouchers rest on are not thrown away")
