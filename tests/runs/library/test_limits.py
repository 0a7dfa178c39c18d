"""What is counted of the files of visitors, and that nothing lies on the disk that is not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import path_request
from engine_bench import TESTS, Bench

from lmc_core import runs
from lmc_core.errors import CheckpointError, RunError
from lmc_core.runs import keep
from lmc_core.runs.keep.store import Store
from lmc_core.runs.keep.tables import UPLOADS
from lmc_core.runs.library import models as library
from lmc_core.runs.library.limits import stored_bytes

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_ENGINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    yield tmp_path
    keep.opened().index.close()


def on_disk(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "store" / "uploads").rglob("*") if path.is_file())


def test_uploads_are_limited_one_by_one_and_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMC_UPLOAD_MB", "1")
    monkeypatch.setenv("LMC_QUOTA_MB", "1.5")
    with pytest.raises(CheckpointError, match=r"larger than 1\.0 MB"):
        library.add("big.safetensors", b"x" * (2**20 + 1))
    runs.submit(library.add("one.safetensors", b"x" * 2**20))
    with pytest.raises(CheckpointError, match=r"only 0\.5 MB are left"):
        library.add("two.safetensors", b"y" * 2**20)
    with pytest.raises(CheckpointError, match="is empty"):
        library.add("none.safetensors", b"")


def test_one_visitor_cannot_take_the_room_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_QUOTA_PER_OWNER_MB", "1.5")
    runs.submit(library.add("one.safetensors", b"x" * 2**20, owner="ann"), "ann")
    with pytest.raises(CheckpointError, match=r"your files have 1\.0 MB of the 1\.5 MB"):
        library.add("two.safetensors", b"y" * 2**20, owner="ann")
    runs.submit(library.add("two.safetensors", b"y" * 2**20, owner="bob"), "bob")
    runs.submit(library.add("three.safetensors", b"z" * 2**20))  # the host itself


def test_files_that_arrive_at_once_cannot_pass_the_limit_together(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_QUOTA_MB", "2.5")
    start, refused = threading.Barrier(6), []

    def bring(number: int) -> None:
        start.wait()
        try:
            library.add(f"{number}.safetensors", bytes([number]) * 2**20, owner=f"visitor {number}")
        except CheckpointError as error:
            refused.append(str(error))

    keep.opened()
    threads = [threading.Thread(target=bring, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4
    assert on_disk(home) == stored_bytes() == 2 * 2**20


def test_a_file_whose_reading_is_refused_does_not_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_QUEUE_PER_OWNER", "1")
    runs.submit(path_request(A, B), "ann")
    with pytest.raises(RunError, match="waiting already"):
        runs.submit(library.add("net.safetensors", b"x" * 1000, owner="ann"), "ann")
    assert on_disk(home) == stored_bytes() == 0


def test_a_file_whose_reading_is_cancelled_does_not_stay_and_the_same_file_of_somebody_else_does(home: Path) -> None:
    ann, bob = (
        runs.submit(library.add("net.safetensors", b"x" * 1000, owner=owner), owner) for owner in ("ann", "bob")
    )
    assert on_disk(home) == stored_bytes() == 2000
    runs.cancel(ann, "ann")
    assert runs.status(bob).state == "queued"
    assert on_disk(home) == stored_bytes() == 1000
    runs.cancel(bob, "bob")
    assert on_disk(home) == stored_bytes() == 0


def test_a_file_that_cannot_be_stored_is_not_counted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "put", full)
    with pytest.raises(OSError, match="No space left"):
        library.add("net.safetensors", b"x" * 1000, owner="ann")
    assert stored_bytes() == 0


def test_a_file_does_not_stay_when_the_worker_that_reads_it_is_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    bench = Bench(home / "server")
    named = "f" * 64
    request = bench.request("reading", "die")
    (home / "file").write_bytes(b"x" * 1000)
    bench.store.put(home / "file", "uploads", named)
    row = {"run": request.id, "owner": "ann", "digest": named, "filename": "net.pt", "bytes": 1000, "created": 0.0}
    bench.index.insert(UPLOADS, **row)
    bench.engine.start()
    try:
        assert bench.wait(bench.submit(request, "ann")).state == "failed"
        bench.wait(bench.submit(bench.request("next")))
    finally:
        bench.engine.stop()
    assert not bench.store.exists("uploads", named)
    bench.index.close()
