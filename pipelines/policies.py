"""The privacy officer's files: policy (TOML) and hierarchies (CSV) → checked values, digest."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from transforms.errors import PolicyError
from transforms.hierarchy import OTHER, Hierarchy, band_hierarchy, lookup_hierarchy
from transforms.policy import Bands, Lookup, Method, Policy
from transforms.steps.layout import MISSING, check_marks, check_names, lay_out


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy, the hierarchy of each attribute, and a digest over both."""

    path: Path
    policy: Policy
    hierarchies: dict[str, Hierarchy]
    digest: str


def load_policy(path: Path) -> LoadedPolicy:
    """Read and check a policy and its hierarchies; raises PolicyError with all that is wrong.

    A hierarchy's file is named relative to the policy's folder.
    """
    policy = _policy(path)
    named = {
        name: _hierarchy(name, declared, path.parent)
        for name, declared in policy.hierarchies.items()
    }
    content = {
        "policy": policy.model_dump(mode="json"),
        "hierarchies": {
            name: [(level.labels, level.node_of_leaf) for level in hierarchy.levels]
            for name, hierarchy in named.items()
        },
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    hierarchies = {
        name: named[attribute.hierarchy] for name, attribute in policy.attributes.items()
    }
    _check_adverse(policy, hierarchies)
    _check_layout(policy, hierarchies)
    return LoadedPolicy(path, policy, hierarchies, digest)


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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise PolicyError(f"no policy can be read at {path}: name one with --policy") from None
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name} is not TOML: {error}") from None
    except ValidationError as error:
        problems = [_said(problem) for problem in error.errors()]
        raise PolicyError(f"{path.name}: " + "; ".join(problems)) from None


def _said(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict it does not export
    place = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "there is no such key; correct its spelling or take it out"
    return f"{place}: {message}" if place else message


def _hierarchy(name: str, declared: Bands | Lookup, folder: Path) -> Hierarchy:
    if isinstance(declared, Bands):
        return band_hierarchy(name, declared)
    return read_hierarchy(name, folder / declared.file, declared.separator)


def read_hierarchy(name: str, path: Path, separator: str) -> Hierarchy:
    """Return the hierarchy of a file with a line a leaf; raises PolicyError where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise PolicyError(
            f"hierarchy {name}: {path} cannot be read as UTF-8 with `{separator}` between levels"
        ) from None
    if rows and len(rows[0]) == 1:
        raise PolicyError(
            f"hierarchy {name}: the lines of {path.name} have one level; is `{separator}` what "
            f"stands between levels?"
        )
    return lookup_hierarchy(name, rows)
