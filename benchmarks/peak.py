"""The peak memory of this process alone: `ru_maxrss` would be the parent's, kept over the fork."""

from __future__ import annotations

from pathlib import Path


def peak_mebibytes() -> float:
    """Return the most resident memory that this process has had so far."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kibibytes) / 1024
