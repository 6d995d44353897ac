"""What a bank has said of an order is kept word by word (payments.bank_word)."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0002")


def downgrade() -> None:
    raise RuntimeError("what a bank said is not unsaid")
