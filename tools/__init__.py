"""Scripts for working on the project itself; no part of the package."""
