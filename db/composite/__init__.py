"""What the index is: framework, normalisation, aggregation, ranks and flags, as pure functions of arrays.

An array of scores has one row a measure and one column a city; NaN is a missing value, rank 0 a missing rank.
"""
