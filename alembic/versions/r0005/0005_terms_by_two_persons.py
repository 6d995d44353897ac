"""Payee accounts and terms are proposed by one person and confirmed by another, who has seen them."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0005")


def downgrade() -> None:
    raise RuntimeError("who confirmed what is not forgotten")
