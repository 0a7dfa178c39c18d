"""The store: what goes in comes out, whole folders only, names that cannot leave it."""

import json
import os
import uuid
from pathlib import Path

import fsspec
import numpy as np
import pytest
from results import a_result, same

from lmc_core.errors import DamagedError, InputError
from lmc_core.runs.keep.pack import HALVED_FROM, pack, unpack
from lmc_core.runs.keep.store import DIGESTS, Store
from lmc_core.runs.kinds import classes
from lmc_core.runs.kinds.inspect import InspectResult
from lmc_core.runs.kinds.path import PathResult


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_a_stored_result_comes_back_exactly(store: Store) -> None:
    before = a_result()
    store.save("0" * 16, before)
    after = store.load("0" * 16)
    assert isinstance(after, PathResult)
    same(before, after)
    assert after.models == before.models
    assert after.symmetry == before.symmetry
    np.testing.assert_array_equal(after.naive.loss("train"), before.naive.loss("train"))
    assert after.naive.barrier() == before.naive.barrier()
    np.testing.assert_array_equal(
        after.alignment.couplings["fc1"].perm, before.alignment.couplings["fc1"].perm  # type: ignore[arg-type]
    )  # fmt: skip
    np.testing.assert_array_equal(
        after.clouds["fc1", "pca-weights"].after.ellipse, before.clouds["fc1", "pca-weights"].after.ellipse
    )
    assert np.isnan(after.alignment.spread[2])


def test_large_double_arrays_are_kept_as_floats_and_small_ones_as_they_are() -> None:
    arrays: dict[str, np.ndarray] = {}
    packed = pack({"large": np.ones(HALVED_FROM), "small": np.ones(HALVED_FROM - 1)}, arrays)
    kept = unpack(packed, arrays, {})
    assert (kept["large"].dtype, kept["small"].dtype) == (np.float32, np.float64)


def test_files_are_kept_beside_a_result(store: Store, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    store.save("1" * 16, a_result(), {"aligned.safetensors": tmp_path / "weights"})
    assert store.read("runs", "1" * 16, "aligned.safetensors") == b"weights"


def test_a_crash_while_saving_leaves_no_half_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(self: Path, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", crash)
    with pytest.raises(KeyboardInterrupt):
        store.save("2" * 16, a_result())
    monkeypatch.undo()
    assert not store.has("2" * 16)
    assert not store.exists("runs", "2" * 16)
    store.save("2" * 16, a_result())
    assert store.has("2" * 16)


def test_what_a_killed_process_left_is_swept_away_later_but_not_what_is_being_written(store: Store) -> None:
    unfinished = Path(store.root) / "unfinished"
    for name in ("old", "new"):
        (unfinished / name / "content").mkdir(parents=True)
    os.utime(unfinished / "old", (0, 0))
    store.sweep()
    assert [path.name for path in unfinished.iterdir()] == ["new"]


def test_saving_again_replaces_a_result(store: Store) -> None:
    store.save("3" * 16, a_result(0))
    store.save("3" * 16, a_result(1))
    same(store.load("3" * 16), a_result(1))


def test_a_run_that_was_never_stored_is_an_error_with_its_id(store: Store) -> None:
    with pytest.raises(InputError, match="no stored result of run '4444"):
        store.load("4" * 16)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../../etc/passwd", "a\\b", "/etc"])
def test_no_name_leads_out_of_the_store(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="not a name in the store"):
        store.read("runs", name, "run.json")


def test_a_stored_result_cannot_name_a_class_that_is_not_a_result(store: Store) -> None:
    store.save("5" * 16, a_result())
    file = Path(store.root) / "runs" / ("5" * 16) / "run.json"
    file.write_text(json.dumps({"is": "Popen", "of": {"args": "true"}}))
    (file.parent / DIGESTS).unlink()  # as somebody would who can write there
    with pytest.raises(DamagedError, match="'Popen', which this program does not know"):
        store.load("5" * 16)


def test_a_pickled_array_is_refused_in_both_directions(store: Store) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        pack(np.array([object()]), {})
    store.save("6" * 16, a_result())
    arrays = Path(store.root) / "runs" / ("6" * 16) / "arrays.npz"
    np.savez(arrays, a0=np.array([{"an": "object"}], dtype=object))
    (arrays.parent / DIGESTS).unlink()
    with pytest.raises(DamagedError, match="array of objects"):
        store.load("6" * 16)


def test_the_store_works_at_an_address_that_is_not_a_folder() -> None:
    store = Store("memory://lmc-test-store")
    store.save("7" * 16, a_result())
    same(store.load("7" * 16), a_result())
    with store.local("runs", "7" * 16, "run.json") as path:
        assert path.read_bytes() == store.read("runs", "7" * 16, "run.json")
    store.remove("runs", "7" * 16)
    assert not store.has("7" * 16)


def test_every_class_that_results_are_made_of_is_known() -> None:
    result = a_result()
    known = classes()
    assert {"PathResult", "InspectResult", "Cloud", "Side", "Profile", "Coupling"} <= set(known)
    inspected = InspectResult(request={}, model=result.models[0], symmetry=result.symmetry)
    same(unpack(pack(inspected, {}), {}, known), inspected)


def test_the_json_of_a_result_holds_what_the_command_line_promises() -> None:
    content = a_result().json
    promised = {"method", "t", "train", "test", "barrier", "midpoint", "naive", "groups", "verification_error",
                "seconds", "device", "seed"}  # fmt: skip
    assert promised <= content.keys()
    assert content["groups"] == {"fc1": 40}
    assert content["barrier"]["test"]["loss"] == a_result().aligned.barrier()
    assert content["naive"]["midpoint"]["train"]["accuracy"] == a_result().naive.midpoint("train", "accuracy")
    json.dumps(content)


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on an S3 server."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return Store(f"s3://lmc/{uuid.uuid4().hex}")


def test_a_bucket_shows_at_once_what_another_machine_puts_there_or_takes_away(bucket: Store) -> None:
    other = fsspec.filesystem("s3", skip_instance_cache=True)
    file = f"{bucket.root}/runs/other/run.json"
    bucket.write(b"mine", "runs", "mine", "run.json")
    assert bucket.names("runs") == {"mine"}
    assert not bucket.exists("runs", "other", "run.json")
    other.pipe_file(file, b"first")
    assert bucket.names("runs") == {"mine", "other"}
    assert bucket.exists("runs", "other", "run.json")
    assert bucket.names("runs", "other") == {"run.json"}
    assert (bucket.read("runs", "other", "run.json"), bucket.size("runs", "other", "run.json")) == (b"first", 5)
    before = bucket.version("runs", "other", "run.json")
    other.pipe_file(file, b"second")
    assert bucket.version("runs", "other", "run.json") != before
    assert bucket.size("runs", "other", "run.json") == 6
    other.rm(file)
    assert bucket.names("runs") == {"mine"}
    assert not bucket.exists("runs", "other", "run.json")
    with pytest.raises(InputError, match="not in the store"):
        bucket.read("runs", "other", "run.json")


def test_a_run_in_a_bucket_comes_back_as_it_was_saved_and_can_be_removed(bucket: Store, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    saved = a_result()
    bucket.save("0123456789abcdef", saved, {"aligned.safetensors": tmp_path / "weights"})
    assert bucket.has("0123456789abcdef")
    assert bucket.load("0123456789abcdef").json == saved.json
    assert bucket.artifact("0123456789abcdef", "aligned.safetensors") == b"weights"
    bucket.remove("runs", "0123456789abcdef")
    assert not bucket.has("0123456789abcdef")
    bucket.probe()
