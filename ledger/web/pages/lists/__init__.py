"""Lists of a region that two persons keep: sub-accounts 明细科目, parties 往来单位."""
