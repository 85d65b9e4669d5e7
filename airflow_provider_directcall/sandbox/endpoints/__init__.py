"""Handlers of the API's endpoints, a module per family; ``routes`` maps endpoints to them."""
