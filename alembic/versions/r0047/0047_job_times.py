"""The jobs of recurring vouchers, seals and retention have times of a region's own choice."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0047"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0047")


def downgrade() -> None:
    raise RuntimeError("a time a region chose is not taken back")
