"""A run may be stopped at any moment: what is published stays whole, the next run is clean."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from end_to_end.program import PROGRAM, Here, Home, Run, change, new_home, release

from pipelines.verifier import verify


def stopped_after(home: Home, seconds: float, by: signal.Signals) -> bool:
    """Start a release and stop it after so long; say whether it was still at work."""
    process = subprocess.Popen(
        [PROGRAM, "release"],
        env=home.settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(seconds)
    process.send_signal(by)
    out, err = process.communicate()
    told = Run(process.returncode, out, err)
    if told.code == 143:
        assert told.complaint == "clause16: stopped; nothing was published"
    # Before a run's first word and after its last, a signal ends the program as any other.
    return told.code in {143, -by}


def is_whole(home: Home) -> bool:
    current = home.current
    assert current is not None
    return verify(current / "statistics.duckdb", current / "certificate.json").passed


def check_moments(home: Home, moments: int, seed: int, *signals: signal.Signals) -> None:
    home.release()
    started = time.monotonic()
    home.release()
    whole_run = time.monotonic() - started
    draw = random.Random(seed)
    hit = 0
    for moment in range(moments):
        # The first half of a run is imports, in which there is nothing to break.
        seconds = whole_run * draw.uniform(0.4, 1.0)
        if stopped_after(home, seconds, signals[moment % len(signals)]):
            hit += 1
        else:
            # Runs take less time now than the one that was measured.
            whole_run = min(whole_run, seconds)
        assert is_whole(home)
    assert hit >= moments // 2
    last = home.release()
    assert home.current == last
    assert home.leftovers == []
    with_database = [path.parent for path in home.path.glob("releases/*/statistics.duckdb")]
    assert {path.resolve() for path in with_database} == {last}


def test_stopped_at_twenty_moments_the_release_stays_whole_and_the_next_run_is_clean(
    tmp_path: Path, small_bank: Path
) -> None:
    home = new_home(tmp_path, f"duckdb://{small_bank}")
    check_moments(home, 20, 16, signal.SIGKILL, signal.SIGTERM)


@pytest.mark.soak
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_at_a_hundred_moments_of_a_large_run(
    tmp_path: Path, large_bank: Path, by: signal.Signals
) -> None:
    check_moments(new_home(tmp_path, f"duckdb://{large_bank}"), 100, 17, by)


def test_a_switch_that_was_interrupted_is_cleared_by_the_next_run(
    released_home: Home, here: Here
) -> None:
    """Killed between the move among the releases and the switch of `current`."""
    home, before = released_home, released_home.current
    assert before is not None
    orphan = before.with_name("20991231T235959Z")
    shutil.copytree(before, orphan)
    others = before.with_name("notes")
    others.mkdir()
    (home.path / "releases" / ".current").symlink_to("nowhere")
    (home.path / "work" / "half").mkdir(parents=True)
    after = release(home, here)
    assert home.current == after
    assert not (orphan / "statistics.duckdb").exists()
    assert others.exists()
    assert home.leftovers == []


def test_a_clock_that_went_back_still_makes_a_later_release(
    released_home: Home, here: Here
) -> None:
    home, before = released_home, released_home.current
    assert before is not None
    later = before.with_name("20991231T235959Z")
    before.rename(later)
    link = home.path / "releases" / "current"
    link.unlink()
    link.symlink_to(later.name)
    change(Path(home.source.removeprefix("duckdb://")), "CHECKPOINT")
    after = release(home, here)
    assert after.name > later.name
    assert home.current == after
