"""Wrong passwords are counted by name and address: a stranger's tries lock nobody out where that person comes in."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0059"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0059")


def downgrade() -> None:
    raise RuntimeError("a lock by name alone is not brought back")
