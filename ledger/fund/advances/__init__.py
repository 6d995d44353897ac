"""Advances 暂付款: prepayments and pre-allocations within their quota, offset by settlements. On region, signed."""
