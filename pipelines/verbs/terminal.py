"""What the verbs share: how arguments are read, and how a verb answers."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, TypeVar


class Verbs(Protocol):
    """Where a group adds its verbs: what argparse's `add_subparsers` returns."""

    def add_parser(
        self,
        name: str,
        *,
        parents: Sequence[argparse.ArgumentParser],
        help: str,  # noqa: A002 - argparse's word
    ) -> argparse.ArgumentParser:
        """Add a verb; return its parser."""


def answer(options: argparse.Namespace, content: Mapping[str, object], words: str) -> None:
    """Print the answer of a verb: one JSON object, or words for people."""
    try:
        print(json.dumps(content) if options.json else words, flush=True)
    except BrokenPipeError:
        # Who reads the answer has had enough of it (`| head`); what was done is done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def natural(text: str) -> int:
    """Read a whole number."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


W = TypeVar("W", bound=StrEnum)


def word_of(words: type[W]) -> Callable[[str], W]:
    """Return what reads one of some words."""

    def read(text: str) -> W:
        try:
            return words(text.lower())
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be one of {choices(words)}") from None

    return read


def choices(words: type[StrEnum]) -> str:
    """Return the words as the usage shows them."""
    return "{" + ", ".join(f"'{word}'" if " " in word else word for word in words) + "}"


def day(text: str) -> date:
    """Read a date, ISO 8601."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date like 2026-11-22") from None


def moment(text: str) -> datetime:
    """Read a time, ISO 8601; without an offset it is the local one."""
    try:
        read = datetime.fromisoformat(text)
        return read if read.tzinfo else read.astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a time like 2026-11-22T09:30") from None
