"""What may be made of a free text."""

from __future__ import annotations

from enum import StrEnum


class TextCategory(StrEnum):
    """A category of texts; each has a closed list of labels (`closed.labels_of`)."""

    TOPIC = "topic"
    LANGUAGE = "language"
    LENGTH = "length"
