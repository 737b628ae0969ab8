"""What the values of a column become: bands of numbers, lists of labels, topics of texts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from transforms.fields import Name, Strict


class Bands(Strict):
    """A numeric hierarchy: for each level its cut points, the finest first."""

    least: float
    most: float
    cuts: tuple[Annotated[tuple[float, ...], Field(min_length=1)], ...] = Field(min_length=1)
    whole_numbers: bool = False
    unit: str = ""


Label = Annotated[str, Field(min_length=1, max_length=256)]


class Lookup(Strict):
    """A hierarchy of labels: a line a leaf, `leaf;level 1;…;*`, in a file or as `lines`.

    others: the leaf of every value that has no line; without it such a value stops a run.
    """

    file: Name | None = None
    separator: str = Field(default=";", pattern=r"^[ -~\t]$")
    lines: tuple[tuple[Label, ...], ...] = ()
    others: Label | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.file is None) == (not self.lines):
            message = "give either a file, or lines"
            raise ValueError(message)
        return self


class VocabularyFile(Strict):
    """A vocabulary in a file: the topics that free text may be about (docs/text.md)."""

    file: Name
