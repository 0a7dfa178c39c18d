"""Databases of earlier versions, on SQLite and on a real Postgres: brought up to this one, by whoever starts first."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from lmc_core.errors import SettingError
from lmc_core.runs.keep import migrations
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.tables import RUNS, tables

ANN = "ann"


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    sqlite = request.param == "sqlite"
    address = f"sqlite:///{tmp_path}/runs.db" if sqlite else request.getfixturevalue("postgres")
    _emptied(address)
    yield address
    _emptied(address)


def _emptied(address: str) -> None:
    database = sql.create_engine(address)
    there = sql.MetaData()
    there.reflect(database)
    there.drop_all(database)
    database.dispose()


def version(index: Index) -> str:
    with index.database.connect() as connection:
        return str(connection.scalar(sql.text("SELECT version_num FROM alembic_version")))


def test_the_steps_make_exactly_the_tables_that_the_program_reads(address: str) -> None:
    index = Index(address)
    with index.database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables) == []
    assert version(index) == migrations.NEWEST
    index.close()


def test_the_last_step_is_the_one_that_a_ready_database_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.NEWEST


@pytest.mark.parametrize("lacks", [(), ("tags",)])
def test_a_database_from_before_steps_were_counted_keeps_its_runs(address: str, lacks: tuple[str, ...]) -> None:
    old = sql.create_engine(address)
    before = sql.MetaData()
    sql.Table("runs", before, *(column._copy() for column in RUNS.columns if column.name not in lacks))
    before.create_all(old)
    run = "0123456789abcdef"
    row = {"id": run, "kind": "nap", "request": "{}", "state": "done", "created": 1.0, "queued": 1.0, "owner": ANN}
    with old.begin() as connection:
        connection.execute(before.tables["runs"].insert().values(**row))
    old.dispose()
    for tags in ((), ("kept",)):
        index = Index(address)
        status = index.status(run)
        assert status is not None
        assert (status.state, status.tags) == ("done", tags)
        assert index.publish(run, ANN, True, ["kept"])
        index.close()


def test_many_servers_that_start_at_once_take_the_steps_once(address: str) -> None:
    start = threading.Barrier(8)
    found: list[str] = []

    def serve() -> None:
        start.wait()
        index = Index(address)
        found.append(version(index))
        index.close()

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [migrations.NEWEST] * 8


def test_a_database_of_a_newer_version_is_refused_with_a_sentence_and_left_as_it_is(address: str) -> None:
    index = Index(address)
    with index.database.begin() as connection:
        connection.execute(sql.text("UPDATE alembic_version SET version_num = '9999'"))
    index.close()
    with pytest.raises(SettingError, match=r"newer version of this program.*LMC_DATABASE_URL"):
        Index(address)
    database = sql.create_engine(address)
    with database.connect() as connection:
        assert connection.scalar(sql.text("SELECT version_num FROM alembic_version")) == "9999"
    database.dispose()
