"""A home that lost what it had done pays nothing until two persons have reconciled it with the bank (payments.freezing)."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0004")


def downgrade() -> None:
    raise RuntimeError("what two persons reconciled is not forgotten")
