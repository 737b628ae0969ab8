"""The policy as everything else takes it: all that is declared, and it holds together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from transforms.policy.declared import Declared
from transforms.policy.problems.answers import forbidden_problems, open_questions
from transforms.policy.problems.attributes import attribute_problems
from transforms.policy.problems.magnitude import magnitude_problems
from transforms.policy.problems.microdata import microdata_problems, recoding_problems
from transforms.policy.problems.people import identifying_problems, link_problems, subject_problems
from transforms.policy.problems.rules import eligibility_problems, kept_problems, unkept_problems


class Policy(Declared):
    """The whole policy file."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def questions(self) -> tuple[str, ...]:
        """What nobody has decided yet, each with the way out; nothing is released until all are."""
        return tuple(open_questions(self))


def _problems(policy: Declared) -> Iterator[str]:
    """Say what the file's parts, each right by itself, get wrong together."""
    yield from subject_problems(policy)
    yield from eligibility_problems(policy)
    yield from identifying_problems(policy)
    yield from forbidden_problems(policy)
    yield from attribute_problems(policy)
    yield from link_problems(policy)
    yield from kept_problems(policy)
    yield from unkept_problems(policy)
    yield from microdata_problems(policy)
    yield from recoding_problems(policy)
    yield from magnitude_problems(policy)
