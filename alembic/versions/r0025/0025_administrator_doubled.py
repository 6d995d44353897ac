"""Users, roles and keys by two administrators; a key's last use."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0025")


def downgrade() -> None:
    raise RuntimeError("what two persons decided is not undone by one")
