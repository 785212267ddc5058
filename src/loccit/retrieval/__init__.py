"""Which chunks bear on this question? Query understanding, scoring, ranking and packing."""
