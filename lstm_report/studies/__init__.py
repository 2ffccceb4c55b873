"""Which runs answer a question, how they are computed, and their records."""
