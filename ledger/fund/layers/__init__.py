"""One bill, its payers 一单式 (art. 5): who stands behind each part. On record."""
