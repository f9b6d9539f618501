"""The REST methods of a portal, one module for each family, and the dispatcher that calls them."""
