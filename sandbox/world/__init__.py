"""An invented world: companies and people, as each store and the register describe them."""
