"""``svod review``: doubtful pairs, and what people say of them."""
