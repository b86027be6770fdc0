"""The `data` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

Fraction = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where records come from and what is done with bad ones.

    Attributes:
        source: a card's name (`ptb`; a file of that name is `./ptb`), a path, or `hf://owner/name`. `quickdraw/cat,owl` is both
            categories as one data set, labelled by them.
        valid, test: a path, or the share of records held out. The split of a record depends on its content alone, so
            duplicates never straddle a split and a growing file never moves a record. Cards with splits of their own ignore both.
        column: the column that holds the record, by name (the file then has a header) or 0-based number.
        label: the column that holds the class, a name or a whole number, by its own name or number.
        properties: columns of numbers that describe the record (a molecule's measurements), by name or number.
        computed: properties that the modality computes from the record itself, by name.
        on_error: `skip` counts bad records, shows them and writes them to `rejected.jsonl`; `raise` stops at the first.
        max_rejected: the share of bad records beyond which `skip` is an error too.
        max_length: longest record in steps, its end counted; a longer one is a bad record, never cut.
        duplicates: `keep` counts records that recur, within a split or in two, and says so; `remove` keeps the first of each, takes
            out of training what recurs in valid or test, and out of valid what recurs in test.
        limit: keep only the first so many training records.
    """

    MAIN_KEY: ClassVar[str] = "source"

    source: str
    valid: Fraction | str = 0.05
    test: Fraction | str = 0.05
    column: str | int | None = None
    label: str | int | None = None
    properties: tuple[str | int, ...] = ()
    computed: tuple[str, ...] = ()
    on_error: Literal["skip", "raise"] = "skip"
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.05
    max_length: PositiveInt = 512
    duplicates: Literal["keep", "remove"] = "keep"
    limit: PositiveInt | None = None
