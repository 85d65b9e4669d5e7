"""The parts of the documentation site that MkDocs does not bring: tables of arguments, links, translations."""
