"""Bank statements, their matching to the journal, and 余额调节表; 国库 accounts (1005) are own accounts too."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0010")


def downgrade() -> None:
    raise RuntimeError("what was reconciled stays so")
