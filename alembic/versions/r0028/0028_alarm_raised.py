"""Failed log-ins are kept by hour and address; who has seen an alarm says so with a reason; what was told outside is kept."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0028")


def downgrade() -> None:
    raise RuntimeError("what people were told is not forgotten")
