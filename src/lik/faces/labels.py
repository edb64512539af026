"""Labels of pictures, from a CSV file of the user's or from beside the pictures."""

import numpy as np
from numpy.typing import NDArray


def one_and_minus_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels (N, A) in which columns of 0 and 1 alone become −1 and 1; NaN is unknown."""
    known = ~np.isnan(values)
    binary = known.any(axis=0) & (~known | (values == 0) | (values == 1)).all(axis=0)
    return np.where(binary, 2 * values - 1, values)
