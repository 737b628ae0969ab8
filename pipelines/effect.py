"""Since which release a person is left out: read from the certificates, older ones included."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from pipelines.certified import read_certified
from pipelines.objections.registry import Registry
from pipelines.releases import CERTIFICATE, current_release, release_folders
from pipelines.settings import Settings
from transforms.errors import ReleaseError


@dataclass(frozen=True, slots=True)
class Effects:
    """The releases in their order, and how many events of the list each respects.

    unknown: releases that respect a state in which the list never was; unreadable: those whose
    certificate says nothing.
    """

    releases: tuple[str, ...]
    events: tuple[int, ...]
    unknown: tuple[str, ...]
    unreadable: tuple[str, ...]
    current: str | None

    def first_without(self, since: int | None) -> str | None:
        """Return the first release without whoever is left out since that event; None: none yet.

        since: the number of an event of the list, None where nobody is left out.
        """
        if since is None:
            return None
        place = bisect_left(self.events, since)
        return self.releases[place] if place < len(self.releases) else None

    def current_is_without(self, since: int | None) -> bool:
        """Say whether the current release respects that event."""
        first = self.first_without(since)
        return first is not None and self.current is not None and first <= self.current


def effects(settings: Settings, registry: Registry) -> Effects:
    """Read what each release respects; a certificate that cannot be read says nothing."""
    respected: list[tuple[str, int | None]] = []
    unreadable: list[str] = []
    for folder in release_folders(settings):
        try:
            state = read_certified(folder / CERTIFICATE).state
            respected.append((folder.name, registry.position(state)))
        except ReleaseError:
            unreadable.append(folder.name)
    current = current_release(settings)
    return Effects(
        releases=tuple(name for name, events in respected if events is not None),
        events=tuple(events for _, events in respected if events is not None),
        unknown=tuple(name for name, events in respected if events is None),
        unreadable=tuple(unreadable),
        current=None if current is None else current.name,
    )
