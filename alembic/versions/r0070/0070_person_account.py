"""What a bank said of a person's account is kept, and what two persons decided since: a payment that came back waits for them. And an index: what keeps a file back."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0070"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0070")


def downgrade() -> None:
    raise RuntimeError("a faulty account is not forgotten")
