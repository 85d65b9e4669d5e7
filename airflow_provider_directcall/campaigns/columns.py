"""Names of the columns of a plan's files."""

from __future__ import annotations

from typing import Final

import polars as pl

#: Prefixes of a chunk's columns: a tag's name, the name of a column of the contacts' file.
TAG: Final = "tag "
COLUMN: Final = "column "
#: A contact's other numbers, in order of preference; only where several columns have numbers.
FURTHER: Final = "further numbers"
#: The columns of the contacts' file.
ORIGINALS: Final = pl.col(f"^{COLUMN}.*$")
MOMENT: Final = pl.Datetime("us", "UTC")
