"""Papers attached to vouchers and findings, and files vouchers were made of, are sealed with the home's key."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0048")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not laid open again")
