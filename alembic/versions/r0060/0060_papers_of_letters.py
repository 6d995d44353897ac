"""Papers of clearing letters and the platform's files of settlements are sealed; an account's first payment is one, sealed or in clear."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0060")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not laid open again")
