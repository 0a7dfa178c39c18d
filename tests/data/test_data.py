"""Data: the bundled digits, original files wherever LMC_DATA keeps them, and a user's own arrays."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lmc_core.data import cifar, files, idx, text
from lmc_core.data.registry import DATASETS, dataset
from lmc_core.errors import DataError

LMC_DATA = Path(os.environ.get("LMC_DATA", "nowhere"))
needs_mnist = pytest.mark.skipif(not (LMC_DATA / "mnist").is_dir(), reason="LMC_DATA holds no mnist folder")
needs_cifar = pytest.mark.skipif(not (LMC_DATA / "cifar10").is_dir(), reason="LMC_DATA holds no cifar10 folder")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty LMC_DATA, a home of its own, and no network."""
    monkeypatch.setenv("LMC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LMC_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    asked = []

    def refuse(url, folder, checksum):
        asked.append(url)
        raise DataError(f"{url} could not be downloaded")

    for module in (idx, cifar):
        monkeypatch.setattr(module, "download", refuse)
    return tmp_path / "data", asked


def idx_file(values: np.ndarray) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def test_digits_are_split_once_and_for_all_with_all_classes_alike():
    data = dataset("digits")
    assert data.digest == "a56cf0afdd0f961d93fc70783ea5e372445e539f891baff208e1b95fa43a14ce"
    assert data.x_train.shape == (1438, 8, 8)
    assert data.x_test.shape == (359, 8, 8)
    assert data.x_train.dtype == np.float32
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    parts = np.bincount(data.y_test) / np.bincount(np.concatenate([data.y_train, data.y_test]))
    assert np.all(abs(parts - 0.2) < 0.01)
    together = {x.tobytes() for x in data.x_train} & {x.tobytes() for x in data.x_test}
    assert not together


def test_a_limit_keeps_the_first_training_examples_and_all_test_examples():
    whole, some = dataset("digits"), dataset("digits", train_limit=100)
    assert np.array_equal(some.x_train, whole.x_train[:100])
    assert np.array_equal(some.x_test, whole.x_test)
    with pytest.raises(DataError, match="no training example"):
        dataset("digits", train_limit=0)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(DataError, match="digits, mnist, fashion-mnist, cifar10"):
        dataset("imagenet")


@needs_mnist
def test_mnist_is_the_original():
    data = dataset("mnist")
    assert data.digest == "d77d91d8de14d48d0565c3690bc03e983588dfb3e6c39dd6fa9371e642d7f26b"
    assert data.shape == DATASETS["mnist"].shape
    assert list(data.y_train[:5]) == [5, 0, 4, 1, 9]
    assert data.x_train.mean() == pytest.approx(0.1307, abs=1e-4)


@needs_mnist
def test_unpacked_mnist_in_torchvisions_folders_is_the_same(elsewhere):
    folder, asked = elsewhere
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (LMC_DATA / "mnist").glob("*.gz"):
        (raw / file.name.removesuffix(".gz")).write_bytes(gzip.decompress(file.read_bytes()))
    assert idx.mnist().digest == dataset("mnist").digest
    assert not asked


@needs_cifar
def test_cifar10_is_the_original_whose_members_are_verified():
    data = dataset("cifar10")
    assert data.x_train.shape == (50_000, 3, 32, 32)
    assert np.array_equal(np.bincount(data.y_train), [5000] * 10)
    assert data.x_train.mean((0, 2, 3)) == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-3)
    assert data.classes[data.y_train[0]] == "frog"


def test_a_damaged_archive_is_refused_and_named(elsewhere):
    folder, asked = elsewhere
    path = folder / "cifar-10-binary.tar.gz"
    path.write_bytes(b"not an archive")
    with pytest.raises(DataError, match=r"cifar-10-binary.tar.gz is not a readable tar archive"):
        cifar.cifar10()
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in cifar.BATCHES:
            entry = tarfile.TarInfo(f"../../{name}")
            entry.size = 30_730_000
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(DataError, match=r"data_batch_1.bin is damaged or not the original: its sha256"):
        cifar.cifar10()
    assert not list(folder.parent.rglob("data_batch*"))
    assert not asked


def test_a_folder_that_lacks_a_batch_says_which(elsewhere):
    folder, _ = elsewhere
    (folder / "cifar-10-batches-bin").mkdir()
    (folder / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"lacks data_batch_1\.bin, .*data_batch_5\.bin"):
        cifar.cifar10()


def test_what_is_nowhere_is_downloaded_from_its_publisher(elsewhere):
    _, asked = elsewhere
    for load in (idx.mnist, idx.fashion_mnist, cifar.cifar10):
        with pytest.raises(DataError, match="could not be downloaded"):
            load()
    assert asked == [
        "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    ]


def test_a_download_is_kept_and_another_file_is_refused(tmp_path, monkeypatch):
    import hashlib
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    served = tmp_path / "served"
    served.mkdir()
    (served / "file.gz").write_bytes(b"content")
    monkeypatch.setenv("LMC_HOME", str(tmp_path / "home"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/file.gz"
    right = "sha256:" + hashlib.sha256(b"content").hexdigest()
    try:
        with pytest.raises(DataError, match=r"could not be downloaded .* point LMC_DATA at it"):
            files.download(url, "mnist", "sha256:" + 64 * "0")
        assert files.download(url, "mnist", right) == tmp_path / "home" / "data" / "mnist" / "file.gz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert files.download(url, "mnist", right).read_bytes() == b"content"  # from the copy: nobody serves it any more


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_available_when_its_files_are_and_not_for_an_empty_folder(elsewhere, tmp_path, name):
    entry = DATASETS[name]
    for folder in (tmp_path / "home" / "data" / name, tmp_path / "data" / name):
        folder.mkdir(parents=True)
    assert entry.available() == entry.offline
    names = {"cifar10": ["cifar-10-binary.tar.gz"]}.get(name, list(idx.MNIST.files))
    for number, file in enumerate(names):
        assert entry.available() == entry.offline, f"{number} of {len(names)} files are there"
        (tmp_path / "home" / "data" / name / file).touch()
    assert entry.available()


@pytest.mark.parametrize("name", [pytest.param("mnist", marks=needs_mnist), pytest.param("cifar10", marks=needs_cifar)])
def test_what_lmc_data_holds_is_available(name):
    assert DATASETS[name].available()


def test_a_download_that_fails_leaves_the_data_set_unavailable(elsewhere, monkeypatch):
    def cut_off(url, checksum, fname, path):
        Path(path).mkdir(parents=True)
        raise ConnectionError("no route to host")

    monkeypatch.setattr("pooch.retrieve", cut_off)
    with pytest.raises(DataError, match="could not be downloaded"):
        files.download(cifar.URL, "cifar10", cifar.ARCHIVE)
    assert not DATASETS["cifar10"].available()


def test_fashion_mnist_is_read_from_plain_idx_files(elsewhere):
    folder, _ = elsewhere
    rng = np.random.default_rng(0)
    (folder / "fashion").mkdir()
    for part, n in (("train", 20), ("t10k", 10)):
        images, labels = rng.integers(0, 256, (n, 28, 28)), rng.integers(0, 10, n)
        (folder / "fashion" / f"{part}-images-idx3-ubyte").write_bytes(idx_file(images))
        (folder / "fashion" / f"{part}-labels.idx1-ubyte").write_bytes(idx_file(labels))
    data = idx.fashion_mnist()
    assert np.array_equal(data.x_test, (images / np.float32(255)).astype(np.float32))
    assert np.array_equal(data.y_test, labels)
    assert data.classes[0] == "T-shirt/top"


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x0d\1\0\0\0\1\0", b"\0\0\x08\1\0\0\0\5abc", b"\0\0\x08\4\xff\xff\xff\xff"]
)
def test_a_file_that_is_no_idx_file_is_refused(content):
    with pytest.raises(DataError, match=r"some-file"):
        idx.read_idx(content, "some-file")


def test_arrays_that_would_take_too_much_memory_are_refused_by_their_headers(tmp_path, monkeypatch):
    from lmc_core.data import arrays

    big = np.broadcast_to(np.zeros(1, np.uint8), (40, 1 << 20))
    np.savez_compressed(tmp_path / "big.npz", **own_arrays(x_train=big, y_train=np.zeros(40, int)))
    assert (tmp_path / "big.npz").stat().st_size < 1 << 20
    needed = arrays.computed_bytes(tmp_path / "big.npz")
    assert needed > 5 * big.size
    monkeypatch.setattr(np, "load", None)  # not one array is unpacked
    with pytest.raises(DataError, match=r"unpacks to 0\.\d GB; the limit is 0\.1 GB"):
        arrays.load(tmp_path / "big.npz", 100 << 20)


def test_a_gzip_bomb_stops_at_the_limit():
    bomb = gzip.compress(bytes(80 << 20), 1)
    assert len(idx.unzip(bomb, "bomb")) == 64 << 20
    with pytest.raises(DataError, match="not a gzip file"):
        idx.unzip(b"plain", "plain")


def own_arrays(**changes):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.random((20, 4, 4)).astype(np.float64),
        "y_train": rng.integers(0, 3, 20),
        "x_test": rng.random((10, 4, 4)).astype(np.float64),
        "y_test": rng.integers(0, 3, 10),
    } | changes
    return {name: array for name, array in arrays.items() if array is not None}


def test_a_users_arrays_become_a_data_set(tmp_path):
    arrays = own_arrays(classes=np.array(["a", "b", "c"]))
    np.savez(tmp_path / "mine.npz", **arrays)
    data = dataset(tmp_path / "mine.npz")
    assert data.name == "mine"
    assert data.classes == ("a", "b", "c")
    assert np.array_equal(data.x_train, arrays["x_train"].astype(np.float32))
    assert data.y_train.dtype == np.int64


def test_bytes_are_scaled_and_whole_numbers_are_tokens(tmp_path):
    images = np.full((20, 2), 255, dtype=np.uint8)
    np.savez(tmp_path / "bytes.npz", **own_arrays(x_train=images, x_test=images[:10]))
    assert np.all(dataset(tmp_path / "bytes.npz").x_train == 1)
    tokens = np.arange(40).reshape(20, 2)
    np.savez(tmp_path / "tokens.npz", **own_arrays(x_train=tokens, x_test=tokens[:10]))
    assert dataset(tmp_path / "tokens.npz").x_train.dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y_test": None}, "has no array y_test"),
        ({"y_train": np.zeros(19, int)}, "20 examples but y_train has 19 labels"),
        ({"y_train": np.full(20, -1)}, "y_train must hold class numbers from 0 .* save them as floating-point"),
        ({"y_train": np.full(20, np.nan)}, "y_train holds NaN"),
        ({"y_train": np.zeros((20, 3))}, "targets of y_train are"),
        ({"y_train": np.array(["a"] * 20)}, "it needs class numbers from 0, or numbers"),
        ({"y_train": np.full(20, 0.5), "classes": np.array(["a", "b"])}, "classes names class numbers"),
        ({"x_test": np.zeros((10, 5))}, r"x_train are \(4, 4\), those of x_test are \(5,\)"),
        ({"x_train": np.full((20, 4, 4), np.nan)}, "x_train holds NaN"),
        ({"x_train": np.array([["a"] * 4] * 20)}, "x_train holds <U1"),
        ({"x_test": np.zeros((10, 4, 4), np.int64)}, "x_test holds int64"),
        ({"x_train": np.zeros(20)}, r"x_train has shape \(20,\)"),
        ({"classes": np.array(["a"])}, "it needs 3 names"),
        ({"x_train": np.array([{}] * 20)}, "not a readable .npz file of plain arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, changes, said):
    np.savez(tmp_path / "mine.npz", **own_arrays(**changes))
    with pytest.raises(DataError, match=said):
        dataset(tmp_path / "mine.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(DataError, match=r"not a readable .npz file"):
        dataset(tmp_path / "text.npz")
    with pytest.raises(DataError, match="does not exist"):
        dataset(tmp_path / "nothing.npz")


def test_windows_hold_every_character_once_and_targets_are_one_character_on(tmp_path):
    """Laws: training and test windows in a row are the text, and each target is what stands after its character."""
    written = "".join(text.CHARACTERS[n] for n in np.random.default_rng(0).integers(0, 96, 5_000))
    (tmp_path / "mine.txt").write_text(written, encoding="utf-8", newline="")
    data = dataset(tmp_path / "mine.txt")
    assert (data.name, data.shape, len(data.classes)) == ("mine", (64,), 96)
    assert data.x_train.dtype == data.y_train.dtype == np.int64
    for x, y, part in ((data.x_train, data.y_train, written[:4_500]), (data.x_test, data.y_test, written[4_500:])):
        assert "".join(text.CHARACTERS[n] for n in x.flatten()) == part[: x.size]
        assert "".join(text.CHARACTERS[n] for n in y.flatten()) == part[1 : x.size + 1]
        assert len(part) - 64 <= x.size + 1 <= len(part)


def test_the_text_is_there_without_a_download_and_is_mostly_letters():
    data = dataset("text")
    assert data.shape == DATASETS["text"].shape == (64,)
    assert len(data.x_train) > 5_000
    assert abs(len(data.x_test) / (len(data.x_train) + len(data.x_test)) - 0.1) < 0.001
    counts = np.bincount(data.x_train.flatten(), minlength=len(data.classes))
    assert data.classes[counts.argmax()] == "space"
    together = {x.tobytes() for x in data.x_train} & {x.tobytes() for x in data.x_test}
    assert len(together) < 0.02 * len(data.x_test)


def test_marks_and_accents_are_read_as_plain_letters():
    ids = text.tokens("mine", "“Déjà vu” – naïve…\r\nŒ\tend" + 30 * " ")
    assert "".join(text.CHARACTERS[n] for n in ids).rstrip() == '"Deja vu" - naive...\n end'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"brief", r"has 5 characters; 650 are needed"),
        (b"", r"has 0 characters"),
        (b"caf\xe9" * 500, r"is not text in UTF-8 \(byte 3\)"),
        ("Съешь ещё этих мягких булок. ".encode() * 100, r"not of the Latin alphabet"),
        (b"a" * ((32 << 20) + 1), r"32.0 MB of text; the limit is 32.0 MB"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_a_sentence(tmp_path, content, said):
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(DataError, match=said):
        dataset(tmp_path / "mine.txt")
    with pytest.raises(DataError, match="does not exist"):
        dataset(tmp_path / "nothing.txt")


def test_a_text_may_take_no_more_memory_than_it_is_given(tmp_path):
    (tmp_path / "mine.txt").write_text("word " * 1_000)
    with pytest.raises(DataError, match=r"the limit is 0\.0 MB"):
        text.load(tmp_path / "mine.txt", largest=16 * 4_999)
    assert text.load(tmp_path / "mine.txt", largest=16 * 5_000).x_train.nbytes < 8 * 5_000


def test_names_of_data_sets_are_known_without_torch():
    import subprocess
    import sys

    code = "import sys; from lmc_core.data.registry import DATASETS; assert DATASETS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("array", ["x_train", "y_train", "x_test", "y_test"])
@pytest.mark.parametrize("kind", [np.int64, np.float32, np.uint8])
def test_arrays_without_a_number_are_refused_by_name(tmp_path, array, axis, kind):
    shape = [6, 4, 3]
    shape[axis] = 0
    np.savez(tmp_path / "empty.npz", **own_arrays(**{array: np.zeros(shape, kind)}))
    with pytest.raises(DataError, match=array):
        dataset(str(tmp_path / "empty.npz"))
