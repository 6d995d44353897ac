"""A region lived under faults drawn by a seed: real processes killed, lines cut, disks full, clocks off; then three sides must agree."""
