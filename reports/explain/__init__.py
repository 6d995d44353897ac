"""From record to receipt and back: what everything rests on and what it led to."""
