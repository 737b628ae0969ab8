"""How much memory a run may take, and a stop before it is all taken.

Where an allocation fails, Polars ends the process on the spot, and the kernel's own stop is a
SIGKILL: neither says a word. So a reading looks at the limits itself, batch by batch, and stops
with a clear line while there is still room for one.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transforms.errors import EngineError

FULL = 0.9
"""Of a limit; what is left is for a batch in flight."""

LEAST = {"VmSize": 2304 * 2**20, "VmData": 640 * 2**20, "VmRSS": 256 * 2**20}
"""What a release of the smallest bank takes; below it threads do not start, and nothing is said."""

_STATUS = Path("/proc/self/status")
_MACHINE = Path("/proc/meminfo")
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many bytes of what `/proc/self/status` calls `counted`."""

    counted: str
    bytes: int


def limits(setting: int | None) -> tuple[Limit, ...]:
    """Return every limit that holds for this process.

    setting: bytes of resident memory that the operator allows ($CLAUSE16_MEMORY), None for as many
    as there are.
    """
    found = [
        Limit("VmSize", resource.getrlimit(resource.RLIMIT_AS)[0]),
        Limit("VmData", resource.getrlimit(resource.RLIMIT_DATA)[0]),
        *(
            Limit("VmRSS", allowed)
            for allowed in (setting, *_of_cgroups(), _installed())
            if allowed is not None
        ),
    ]
    return tuple(limit for limit in found if limit.bytes != resource.RLIM_INFINITY)


def _installed() -> int | None:
    """Return how much memory the machine has: before all of it is taken, the kernel kills."""
    try:
        first = _MACHINE.read_text(encoding="ascii", errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return None
    name, _, size = first.partition(":")
    return int(size.split()[0]) * 1024 if name == "MemTotal" else None


def _of_cgroups() -> list[int]:
    """Return the limits of the control groups that this process is in (systemd's MemoryMax)."""
    try:
        unified = (
            _CGROUP.read_text(encoding="utf-8", errors="replace").rpartition("0::/")[2].strip()
        )
    except OSError:
        return []
    inner = _CGROUPS / unified
    found = []
    for folder in (inner, *inner.parents):
        try:
            said = (folder / "memory.max").read_text(encoding="ascii").strip()
        except OSError:
            continue
        if said.isdigit():
            found.append(int(said))
    return found


def refuse_too_little(held: tuple[Limit, ...]) -> None:
    """Raise EngineError where no release can be made within the limits."""
    for limit in held:
        if limit.bytes < LEAST[limit.counted]:
            raise EngineError(
                f"the memory limit of {limit.bytes / 2**20:,.0f} MiB ({limit.counted}) is too "
                f"little for any release: {LEAST[limit.counted] / 2**20:,.0f} MiB are the least"
            )


def refuse_when_full(held: tuple[Limit, ...]) -> None:
    """Raise EngineError where this process has nearly reached a limit."""
    if not held:
        return
    used = _used()
    for limit in held:
        if used.get(limit.counted, 0) > FULL * limit.bytes:
            raise EngineError(
                f"the memory limit of {limit.bytes / 2**20:,.0f} MiB is nearly reached: give the "
                f"run more (rlimit, control group or $CLAUSE16_MEMORY); nothing was published"
            )


def _used() -> Mapping[str, int]:
    """Return bytes by kind."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    words = (line.split() for line in lines if line.startswith("Vm"))
    return {name.rstrip(":"): int(kibibytes) * 1024 for name, kibibytes, *_ in words}
