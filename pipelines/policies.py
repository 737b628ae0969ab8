"""The privacy officer's files: policy (TOML) and hierarchies (CSV) → checked values, digest."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from transforms.errors import PolicyError
from transforms.hierarchy import OTHER, Hierarchy, band_hierarchy, lookup_hierarchy
from transforms.magnitude.grid import grid_of
from transforms.policy.labels import Bands, Lookup
from transforms.policy.tables import Method
from transforms.policy.whole import Policy
from transforms.steps.layout import MISSING, check_marks, check_names, lay_out
from transforms.text.closed import labels_of
from transforms.text.vocabulary import Vocabulary

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy, the hierarchy of each attribute, vocabularies by name, and a digest over all.

    recoding_digest: over all but tables of counts and sums, whose words, shares and rates change
    no recoding.
    """

    path: Path
    policy: Policy
    hierarchies: dict[str, Hierarchy]
    vocabularies: dict[str, Vocabulary]
    digest: str
    recoding_digest: str


def load_policy(path: Path) -> LoadedPolicy:
    """Read and check a policy and its files; raises PolicyError with all that is wrong.

    The file of a hierarchy or a vocabulary is named relative to the policy's folder.
    """
    policy = _policy(path)
    named = {
        name: _hierarchy(name, declared, path.parent)
        for name, declared in policy.hierarchies.items()
    }
    vocabularies = {
        name: read_vocabulary(name, path.parent / declared.file)
        for name, declared in policy.vocabularies.items()
    }
    content = {
        "vocabularies": {
            name: vocabulary.model_dump(mode="json") for name, vocabulary in vocabularies.items()
        },
        "policy": policy.model_dump(mode="json"),
        "hierarchies": {
            name: [(level.labels, level.node_of_leaf) for level in hierarchy.levels]
            for name, hierarchy in named.items()
        },
    }
    counts = {"budget", "magnitude"}
    recoding = {**content, "policy": policy.model_dump(mode="json", exclude=counts)}
    hierarchies = {
        name: named[attribute.hierarchy] for name, attribute in policy.attributes.items()
    }
    _check_adverse(policy, hierarchies)
    _check_layout(policy, hierarchies)
    _check_topics(policy, hierarchies, vocabularies)
    for name, table in policy.magnitude.items():
        grid_of(name, table, hierarchies, vocabularies)
    return LoadedPolicy(
        path, policy, hierarchies, vocabularies, _digest(content), _digest(recoding)
    )


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_topics(
    policy: Policy,
    hierarchies: Mapping[str, Hierarchy],
    vocabularies: Mapping[str, Vocabulary],
) -> None:
    """Raise PolicyError where a hierarchy does not list what a text may be published as."""
    for name, attribute in policy.attributes.items():
        if attribute.text is None:
            continue
        labels = labels_of(attribute.text, vocabularies.get(attribute.vocabulary or ""))
        missing = [label for label in labels if label not in hierarchies[name].leaves]
        if missing:
            raise PolicyError(
                f'hierarchy "{attribute.hierarchy}" of {name} does not list what the text may be '
                f"about: {', '.join(missing)}"
            )


def read_vocabulary(name: str, path: Path) -> Vocabulary:
    """Return the vocabulary of a file; raises PolicyError where it is none."""
    try:
        text = _file(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        raise PolicyError(f"vocabulary {name}: {path} cannot be read as UTF-8") from None
    return _validated(Vocabulary, text, f"vocabulary {name}: {path.name}")


def _check_layout(policy: Policy, hierarchies: Mapping[str, Hierarchy]) -> None:
    """Raise PolicyError where a table could not say what it means."""
    regions = policy.recoding.method is Method.MULTIDIMENSIONAL
    marks = [
        *([MISSING] if regions else []),
        *([OTHER] if policy.recoding.suppressed == "other" else []),
    ]
    for table in policy.microdata.values():
        quasi = {name: hierarchies[name] for name in table.quasi_identifiers}
        levels = None if regions else dict.fromkeys(quasi, 0)
        check_names(lay_out(table.quasi_identifiers, quasi, levels), table.sensitive)
        check_marks(quasi, marks)


def _check_adverse(policy: Policy, hierarchies: Mapping[str, Hierarchy]) -> None:
    for name, hierarchy in hierarchies.items():
        for label in policy.adverse(name):
            if label not in hierarchy.leaves:
                raise PolicyError(
                    f'adverse of {name}: its hierarchy has no leaf "{label}"; the leaves are '
                    f"{', '.join(hierarchy.leaves)}"
                )


def _policy(path: Path) -> Policy:
    try:
        # Whoever names it may hand it over by a pipe.
        named = path if path.is_fifo() else _file(path)
        text = named.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        raise PolicyError(f"no policy can be read at {path}: name one with --policy") from None
    return _validated(Policy, text, path.name)


def _file(path: Path) -> Path:
    """Return the path of a file; raises OSError where it is a pipe or a device, without end."""
    if not path.is_file():
        raise FileNotFoundError
    return path


def _validated(model: type[M], text: str, named: str) -> M:
    """Return what a TOML file says; raises PolicyError with all that is wrong."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{named} is not TOML: {error}") from None
    except ValidationError as error:
        raise PolicyError(f"{named}: {'; '.join(map(_said, error.errors()))}") from None
    except (RecursionError, ValueError):
        raise PolicyError(
            f"{named} is not TOML of ours: it is nested, or a number in it goes on, without end"
        ) from None


def _said(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict it does not export
    place = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "there is no such key; correct its spelling or take it out"
    return f"{place}: {message}" if place else message


def _hierarchy(name: str, declared: Bands | Lookup, folder: Path) -> Hierarchy:
    if isinstance(declared, Bands):
        return band_hierarchy(name, declared)
    if declared.file is None:
        return lookup_hierarchy(name, declared.lines, declared.others)
    rows = _lines(name, folder / declared.file, declared.separator)
    return lookup_hierarchy(name, rows, declared.others)


def read_hierarchy(name: str, path: Path, separator: str) -> Hierarchy:
    """Return the hierarchy of a file with a line a leaf; raises PolicyError where it is none."""
    return lookup_hierarchy(name, _lines(name, path, separator))


def _lines(name: str, path: Path, separator: str) -> list[list[str]]:
    try:
        with _file(path).open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except (OSError, ValueError, csv.Error):
        raise PolicyError(
            f"hierarchy {name}: {path} cannot be read as UTF-8 with `{separator}` between levels"
        ) from None
    if rows and len(rows[0]) == 1:
        raise PolicyError(
            f"hierarchy {name}: the lines of {path.name} have one level; is `{separator}` what "
            f"stands between levels?"
        )
    return rows
