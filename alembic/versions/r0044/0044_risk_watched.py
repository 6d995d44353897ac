"""Risk: what the rules find at an institution and the steps two persons take; the figures of a day, every ten minutes."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0044"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0044")


def downgrade() -> None:
    raise RuntimeError("what was found at an institution is not taken back")
