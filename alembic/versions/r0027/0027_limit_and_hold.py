"""Limits on money, a hold after a payee's account changed, call-backs, refusals that wait for a statement, sealed lines."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0027")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not written in clear again")
