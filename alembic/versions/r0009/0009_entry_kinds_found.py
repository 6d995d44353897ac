"""Opening and closing entries are found without reading the others."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0009")


def downgrade() -> None:
    raise RuntimeError("statements cannot do without it")
