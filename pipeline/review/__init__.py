"""``svod review``: doubtful pairs, and the judgements of people on them."""
