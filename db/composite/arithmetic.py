"""Sums and quotients that give equal cities equal figures, and nothing where there is none."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]


def sum_rows(rows: F64) -> F64:
    """Sum over the first axis, row after row.

    The order of numpy's own sum depends on the shape; in this one equal scores have equal sums.
    """
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return total


def divide(dividend: F64, divisor: F64) -> F64:
    """The quotients, in the shape of the dividend; NaN where the divisor is not more than 0."""
    quotient: F64 = np.divide(dividend, divisor, out=np.full(dividend.shape, np.nan), where=divisor > 0)
    return quotient
