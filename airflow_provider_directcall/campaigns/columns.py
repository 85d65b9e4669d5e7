"""Names of the columns of a plan's files."""

from __future__ import annotations

from typing import Final

import polars as pl

#: Prefixes of a chunk's columns: a tag's name, the name of a column of the contacts' file.
TAG: Final = "tag "
COLUMN: Final = "column "
#: The columns of the contacts' file.
ORIGINALS: Final = pl.col(f"^{COLUMN}.*$")
MOMENT: Final = pl.Datetime("us", "UTC")
