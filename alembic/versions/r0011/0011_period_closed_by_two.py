"""A month is closed by an accountant and the chief: closes, their check lists, what was waived; the post chief."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0011")


def downgrade() -> None:
    raise RuntimeError("what two persons closed is not closed by one")
