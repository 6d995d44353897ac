"""Posted vouchers are corrected by red and blue ones, once; a hand-written voucher names the bank's paper it rests on."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0014")


def downgrade() -> None:
    raise RuntimeError("what was corrected stays corrected")
