"""Batches of rows: a data frame of texts, with the place of each row."""

from __future__ import annotations

from typing import Final, TypeAlias

import polars as pl

Batch: TypeAlias = pl.DataFrame

#: Column of the name of the file of a row.
FILE: Final = "_file"
#: Column of the number of a record in its file, from 1, without the header. With line breaks in quotes it is not the
#: number of its line.
ROW: Final = "_row"
#: Column that says why a row cannot be read; null for the others.
BAD: Final = "_bad"
RESERVED: Final = frozenset({FILE, ROW, BAD})
