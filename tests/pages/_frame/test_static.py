"""Scripts and style sheets reach the browser compressed, and are compressed once."""

import gzip
from pathlib import Path

import pytest

from pages._frame.static import FOLDER, asked, packer

SCRIPT = next((FOLDER / "js").glob("index.*.js"))


def request(path: str, encoding: str = "gzip, br", **headers: str) -> dict[str, object]:
    sent = {"accept-encoding": encoding, **headers}
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return {"type": "http", "method": "GET", "path": path, "headers": lines}


def test_what_is_sent_is_the_file_in_less_than_half_its_bytes(tmp_path: Path) -> None:
    packed = packer(tmp_path)(SCRIPT)
    assert gzip.decompress(packed.read_bytes()) == SCRIPT.read_bytes()
    assert packed.stat().st_size < SCRIPT.stat().st_size / 2


def test_a_file_is_compressed_once(tmp_path: Path) -> None:
    pack = packer(tmp_path)
    first = pack(SCRIPT)
    written = first.stat().st_mtime_ns
    assert pack(SCRIPT) == first
    assert first.stat().st_mtime_ns == written


@pytest.mark.parametrize("prefix", ["", "/under/a/path"])
def test_a_script_is_found_wherever_the_server_is_mounted(prefix: str) -> None:
    assert asked(request(f"{prefix}/static/js/{SCRIPT.name}")) == SCRIPT


@pytest.mark.parametrize(
    "scope",
    [
        request(f"/static/js/{SCRIPT.name}", "identity"),
        request(f"/static/js/{SCRIPT.name}", "br"),
        request(f"/static/js/{SCRIPT.name}", range="bytes=0-99"),
        request(f"/static/js/{SCRIPT.name}", if_none_match='"known"'),
        request(f"/static/js/{SCRIPT.name}") | {"method": "HEAD"},
        request("/static/js/none.js"),
        request("/static/js"),
        request("/static/media/SourceSansVF-Upright.ttf.BsWL4Kly.woff2"),
        request("/api/healthz"),
        {"type": "websocket", "path": f"/static/js/{SCRIPT.name}", "headers": []},
    ],
)
def test_everything_else_is_left_to_streamlit(scope: dict[str, object]) -> None:
    assert asked(scope) is None


def test_no_path_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.js"
    outside.write_text("1")
    up = "../" * len(FOLDER.parts)
    for path in (f"/static/{up}{outside}", f"/static//{outside}", f"/static/js/../{up}{outside}"):
        assert asked(request(path)) is None
