"""Out of region 异地就医: records, monthly clearing, bills, money and books between two regions. On ordering."""
