"""What Prefect is told of a release: its public figures, or why there is none.

Prefect lies outside the privacy boundary, so it is told what the public certificate says and our
own lines, nothing else. And telling is not the release: what is published stays so, whether
Prefect heard of it or not. Automations react to two events of the resource `clause16.release`:

    clause16.release.published   release, as_of, policy_version, directory, tables (rows of each)
    clause16.release.refused     exit_code, kind, line

and to one of the resource `clause16.objections`, where somebody was left out by an update who was
not before:

    clause16.objections.received   files, refused, objections (banded)
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from pipelines.officer import Updated
from pipelines.releases import CERTIFICATE
from transforms.certificate import Certificate, ColumnEntry, ObjectionEntry
from transforms.errors import PrivacyError, band

log = logging.getLogger("clause16")

RESOURCE = {
    "prefect.resource.id": "clause16.release",
    "prefect.resource.name": "statistics release",
}
PUBLISHED = "clause16.release.published"
REFUSED = "clause16.release.refused"
OBJECTIONS = {
    "prefect.resource.id": "clause16.objections",
    "prefect.resource.name": "opt-out list",
}
RECEIVED = "clause16.objections.received"
ARTIFACT = "clause16-release"


def tell_published(directory: Path) -> None:
    """Leave an artifact with the public figures of a release, and the event; never raises."""
    with _not_the_release(f"{directory.name} is published"):
        text = (directory / CERTIFICATE).read_text(encoding="utf-8")
        certificate = Certificate.model_validate_json(text)
        payload = {
            "release": certificate.release,
            "as_of": certificate.as_of,
            "policy_version": certificate.policy_version,
            "directory": str(directory),
            "tables": {name: table.rows for name, table in certificate.tables.items()}
            | {name: table.rows for name, table in certificate.magnitude.items()},
        }
        # The event first: it only joins a queue, the artifact waits for the server's answer.
        emit_event(PUBLISHED, RESOURCE, payload=payload)
        create_markdown_artifact(
            figures(certificate), key=ARTIFACT, description="The public figures of a release"
        )


def line_of(error: PrivacyError) -> str:
    """Return the line that the state of a failed run shows."""
    return f"{error.kind} ({error.exit_code}): {error}"


def tell_refused(error: PrivacyError) -> str:
    """Emit the event of a release that failed; return its line. Never raises."""
    with _not_the_release("nothing was published"):
        payload = {"exit_code": error.exit_code, "kind": error.kind, "line": str(error)}
        emit_event(REFUSED, RESOURCE, payload=payload)
    return line_of(error)


def tell_updated(updated: Updated) -> None:
    """Emit the event of objections that came, where any did; never raises."""
    looked = updated.looked
    if not (updated.arrived or looked.found or looked.several or looked.extended):
        return
    with _not_the_release("the opt-out list is up to date"):
        payload = {
            "files": len(updated.dropped),
            "refused": sum(each.refused is not None for each in updated.dropped),
            "objections": band(updated.arrived),
        }
        emit_event(RECEIVED, OBJECTIONS, payload=payload)


@contextmanager
def _not_the_release(outcome: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever Prefect's trouble is, it is not the release's
        log.warning("%s, but Prefect could not be told (%s)", outcome, type(error).__name__)


def figures(certificate: Certificate) -> str:
    """Return the public figures of a release as markdown; the certificate is all it knows."""
    sections = (
        f"# Release {certificate.release}\n\n{certificate.title}",
        _table("what", "value", rows=_facts(certificate)),
        "## Tables",
        _table("table", "rows", "loss", "left out", "blanked", rows=_tables(certificate)),
        "## Columns",
        _table("column", "level", rows=_levels(certificate)),
        *_counts(certificate),
        "## Left out before the tables were made",
        _table("why", "people", rows=certificate.left_out.items()),
        "## The opt-out list",
        _table("what", "objections", rows=_objections(certificate.objections)),
    )
    return "\n\n".join(sections) + "\n"


def _facts(certificate: Certificate) -> Iterator[tuple[str, ...]]:
    yield "as of", certificate.as_of
    yield "made at", certificate.created_at
    yield "policy", certificate.policy_version
    yield "limits", f"k = {certificate.k}, l = {certificate.l}"
    plan = certificate.plan
    yield "plan", f"{plan.digest[:12]}, {plan.method}"
    for method, loss in plan.losses.items():
        said = "none keeps the limits" if loss is None else f"{loss:.3f}"
        yield f"loss when chosen, {method}", said
    passed = sum(check.passed for check in certificate.checks)
    yield "checks passed", f"{passed} of {len(certificate.checks)}"


def _objections(entry: ObjectionEntry) -> Iterator[tuple[str, ...]]:
    yield "in force", entry.in_force
    yield "of whom nobody was found", entry.waiting
    yield "with several candidates, all left out", entry.several_candidates
    yield "overridden", entry.overridden
    for days, number in entry.days_to_effect.items():
        yield f"took effect within: {days}", number


def _tables(certificate: Certificate) -> Iterator[tuple[str, ...]]:
    for name, table in certificate.tables.items():
        yield name, f"{table.rows:,}", f"{table.loss:.3f}", table.left_out, table.blanked


def _counts(certificate: Certificate) -> Iterator[str]:
    """Yield the sections about tables of counts and sums, where there are any."""
    if not certificate.magnitude or certificate.budget is None:
        return
    budget = certificate.budget
    yield "## Counts and sums"
    rows = [
        (name, f"{table.rows:,}", f"{len(table.periods)} ({table.unit})")
        for name, table in certificate.magnitude.items()
    ]
    yield _table("table", "rows", "periods", rows=rows)
    yield f"## Privacy budget (delta {budget.delta:g})"
    years = [
        (year, f"{entry.rho:.4f}", f"{entry.left:.4f}", f"{entry.epsilon:.2f}")
        for year, entry in budget.years.items()
    ]
    ever = ("all", f"{budget.rho_ever:.4f}", "", f"{budget.epsilon_ever:.2f}")
    yield _table("year", "rho spent", "left", "epsilon", rows=[*years, ever])


def _levels(certificate: Certificate) -> Iterable[tuple[str, ...]]:
    tables = certificate.tables.values()
    # A column has one level in all tables.
    columns = {column.name: column for table in tables for column in table.columns}
    return [(name, _level(column)) for name, column in sorted(columns.items())]


def _level(column: ColumnEntry) -> str:
    if column.level == column.coarsest:
        return "all in one (*)"
    return f"{column.level} of {column.coarsest}"


def _table(*heads: str, rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows))
