"""Real parts: generated banks on disk, the installed program, a real Prefect server."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from end_to_end import watch
from end_to_end.postgres import Cluster, binaries, new_cluster
from end_to_end.program import HOMES, SAID, SMALL, Here, Home, Run, generate, new_home
from end_to_end.rights import RELEASE, grant

from pipelines.cli import main
from pipelines.scheduler import scheduler

LARGE = 50_000


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One real server for all tests of a worker, so that each run does not start its own."""
    folder = tmp_path_factory.mktemp("prefect")
    with scheduler(folder) as server:
        server.wait()
        yield folder


@pytest.fixture(autouse=True)
def no_personal_value_gets_out(
    request: pytest.FixtureRequest, prefect_server: Path
) -> Iterator[None]:
    SAID.clear()
    HOMES.clear()
    yield
    used = "cluster" in request.fixturenames
    assert watch.seen(prefect_server, request.getfixturevalue("cluster") if used else None) == set()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real PostgreSQL; where none is installed its tests are skipped, and it is said aloud."""
    programs = binaries()
    if programs is None:
        warnings.warn("no PostgreSQL is installed: its tests are skipped", stacklevel=1)
        pytest.skip("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    server = new_cluster(programs)
    yield server
    server.stop("immediate")
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def own_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """A server of the test's own, free to be killed."""
    server = new_cluster(cluster.programs)
    yield server
    assert not watch.logs(server)
    server.stop("immediate")
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_bank(cluster: Cluster, small_bank: Path) -> str:
    """The name of a database with a small bank, to be copied."""
    name = cluster.new_database()
    generate(cluster.uri(name), SMALL)
    cluster.sql(name, *watch.planted(small_bank))
    return name


@pytest.fixture
def postgres(cluster: Cluster) -> str:
    """The URI of a fresh, empty database whose tables belong to the user."""
    return cluster.uri(cluster.new_database())


@pytest.fixture(scope="session")
def small_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "bank.duckdb"
    generate(f"duckdb://{path}", SMALL)
    watch.plant(path)
    return path


@pytest.fixture(scope="session")
def large_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "bank.duckdb"
    generate(f"duckdb://{path}", LARGE)
    return path


@pytest.fixture
def home(tmp_path: Path, small_bank: Path) -> Home:
    """A fresh home over a small bank of its own, free to be broken."""
    bank = tmp_path / "bank.duckdb"
    shutil.copy(small_bank, bank)
    return new_home(tmp_path, f"duckdb://{bank}")


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory, large_bank: Path) -> tuple[Home, Path]:
    """A home with one release of 50,000 customers; tests must leave both as they are."""
    home = new_home(tmp_path_factory.mktemp("released"), f"duckdb://{large_bank}")
    return home, home.release()


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory, small_bank: Path) -> Home:
    home = new_home(tmp_path_factory.mktemp("small-release"), f"duckdb://{small_bank}")
    home.release()
    return home


@pytest.fixture
def released_home(tmp_path: Path, small_release: Home) -> Home:
    """A home with a release, over a small bank of its own, free to be broken."""
    bank = tmp_path / "bank.duckdb"
    shutil.copy(small_release.source.removeprefix("duckdb://"), bank)
    shutil.copytree(small_release.path, tmp_path / "home", symlinks=True)
    shutil.copy(small_release.path.with_name("home.key"), tmp_path / "home.key")
    return Home(tmp_path / "home", f"duckdb://{bank}")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    # Prefect reads the environment when it is imported, so not before there is a server in it.
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # The end of a flow waits for the thread of its heartbeat, most of a second.
    silent = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}

    def run(home: Home, *arguments: str) -> Run:
        with monkeypatch.context() as environment, temporary_settings(updates=silent):
            for name, value in home.settings().items():
                environment.setenv(name, value)
            capsys.readouterr()
            code = main(arguments)
        out, err = capsys.readouterr()
        return Run(code, out, err)

    return run


@pytest.fixture
def database(cluster: Cluster, postgres_bank: str) -> str:
    """The name of a database with a bank of its own, free to be broken."""
    return cluster.new_database(template=postgres_bank)


@pytest.fixture
def as_release(cluster: Cluster, database: str, home: Home, here: Here) -> Home:
    """A home whose source is that bank, read under the role of a release."""
    grant(cluster, database, home, here, "release")
    return Home(home.path, cluster.uri(database, RELEASE))
