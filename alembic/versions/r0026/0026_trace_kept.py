"""What is written outside the journal leaves a trace: users, roles, keys, payees, terms, channels, papers, logs."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0026")


def downgrade() -> None:
    raise RuntimeError("traces are not taken away")
