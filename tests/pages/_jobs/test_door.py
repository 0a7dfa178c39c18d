"""The door before Streamlit's upload route: by itself with planted requests, and in the real server over HTTP."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import SimpleNamespace

import anyio
import pytest
from server import Server
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from pages._jobs import door
from pages._jobs.door import OF_A_SESSION, OF_ALL, OVERHEAD, Door

LIMIT = 10 * OVERHEAD


class Route:
    """Stands in for the upload route: counts what it reads, and can be made to wait or to refuse."""

    def __init__(self, status: int = 204):
        self.read, self.status, self.gate = 0, status, anyio.Event()
        self.gate.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.read += len((await receive()).get("body", b""))
        await self.gate.wait()
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def sent(door: Door, path: str, length: int | str | None, method: str = "PUT") -> tuple[int, str]:
    headers = [] if length is None else [(b"content-length", str(length).encode("latin-1"))]
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"12345", "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    await door({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    return answers[0]["status"], b"".join(each.get("body", b"") for each in answers).decode()


def put(door: Door, path: str, length: int | str | None, method: str = "PUT") -> tuple[int, str]:
    return anyio.run(sent, door, path, length, method)


def keeps(sent: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return dict(sent)


def a_door(route: Route, held=keeps) -> Door:  # type: ignore[no-untyped-def]
    return Door(route, may=lambda session: session.startswith("known"), held=held, limit=lambda: LIMIT)


@pytest.mark.parametrize("prefix", ["", "/base", "/a/b\n"])
@pytest.mark.parametrize(
    ("session", "length", "status", "says"),
    [
        ("stranger", 5, 403, "log in"),
        ("", 5, 204, ""),  # no address of the route, which Streamlit itself does not know
        ("known", None, 411, "Content-Length"),
        ("known", "five", 411, "Content-Length"),
        ("known", "-1", 411, "Content-Length"),
        ("known", "²", 411, "Content-Length"),
        ("known", LIMIT + OVERHEAD + 1, 413, "10.0 MB"),
        ("known", 10**18, 413, "10.0 MB"),
        ("known", "9" * 5000, 411, "Content-Length"),
        ("known", LIMIT, 204, ""),
    ],
)
def test_what_is_refused_is_refused_before_a_byte_is_read(
    prefix: str, session: str, length: int | str | None, status: int, says: str
) -> None:
    route = Route()
    answer = put(a_door(route), f"{prefix}/_stcore/upload_file/{session}/file", length)
    assert answer[0] == status
    assert says in answer[1]
    assert (route.read > 0) == (status == 204)


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_what_brings_no_file_passes(method: str) -> None:
    assert put(a_door(Route()), "/_stcore/upload_file/stranger/file", None, method)[0] == 204


def test_a_session_and_all_sessions_together_hold_a_bounded_number_of_bytes() -> None:
    door = a_door(Route())
    answers = [put(door, f"/_stcore/upload_file/known{n // 3}/{n}", LIMIT)[0] for n in range(12)]
    taken = [status == 204 for status in answers]
    assert taken[:3] == [True] * OF_A_SESSION + [False]
    assert sum(taken) == OF_ALL
    assert answers[2] == 413
    assert answers[-1] == 503


def test_room_is_given_back_when_the_page_has_taken_the_files() -> None:
    door = a_door(Route(), held=lambda _: {})
    assert [put(door, f"/_stcore/upload_file/known/{n}", LIMIT)[0] for n in range(20)] == [204] * 20


def test_what_streamlit_refused_takes_no_room() -> None:
    door = a_door(Route(status=400))
    assert [put(door, f"/_stcore/upload_file/known/{n}", LIMIT)[0] for n in range(20)] == [400] * 20


def test_files_on_their_way_count_as_files_that_have_come() -> None:
    async def at_once() -> list[int]:
        route = Route()
        route.gate = anyio.Event()
        door, answers = a_door(route), []

        async def one(n: int) -> None:
            answers.append((await sent(door, f"/_stcore/upload_file/known/{n}", LIMIT))[0])

        async with anyio.create_task_group() as group:
            for n in range(5):
                group.start_soon(one, n)
            await anyio.wait_all_tasks_blocked()
            route.gate.set()
        return sorted(answers)

    assert anyio.run(at_once) == [204] * OF_A_SESSION + [413] * (5 - OF_A_SESSION)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"), LMC_UPLOAD_MB="1", LMC_LOGIN="required")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("home"), LMC_UPLOAD_MB="1")
    yield server
    server.stop()


def session(server: Server, stream: ClientConnection, page: str) -> str:
    """The session of a visitor who has been drawn a page."""
    message = BackMsg()
    message.rerun_script.page_name, message.rerun_script.query_string = page, ""
    stream.send(message.SerializeToString())
    named, answer = "", ForwardMsg()
    while answer.WhichOneof("type") != "script_finished":
        answer.ParseFromString(stream.recv(timeout=30))  # type: ignore[arg-type]
        named = answer.new_session.initialize.session_id or named
    return named


def visitor(server: Server) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]


def over_http(server: Server, named: str, headers: dict[str, str]) -> tuple[int, str]:
    """What the real server answers to somebody who has sent the head of a request and not a byte of the file."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.putrequest("PUT", f"/_stcore/upload_file/{named}/a-file")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_who_has_not_logged_in_sends_nothing_to_a_server_that_asks_for_it(server: Server) -> None:
    for page in ("", "library", "gallery"):
        with visitor(server) as stream:
            named = session(server, stream, page)
            assert named
            status, why = over_http(server, named, {"Content-Length": str(400 * 2**20)})
            assert status == 403
            assert "log in" in why


def test_a_visitor_sends_what_the_host_takes_and_its_size_is_said_first(open_server: Server) -> None:
    assert over_http(open_server, "0" * 36, {"Content-Length": "5"})[0] == 403
    with visitor(open_server) as stream:
        named = session(open_server, stream, "library")
        assert over_http(open_server, named, {"Content-Length": str(3 * 2**20)})[0] == 413
        assert over_http(open_server, named, {"Transfer-Encoding": "chunked"})[0] == 411
        status, why = over_http(open_server, named, {"Content-Length": "0"})
        assert (status, "XSRF" in why) == (403, True)  # let in, and stopped by Streamlit's own guard


def test_a_session_that_has_ended_is_forgotten_when_the_next_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    here, alive = "first", {"first", "second"}
    monkeypatch.setattr(door, "_admitted", {})
    monkeypatch.setattr(door, "get_script_run_ctx", lambda: SimpleNamespace(session_id=here))
    monkeypatch.setattr(door.runtime, "exists", lambda: True)
    monkeypatch.setattr(door.runtime, "get_instance", lambda: SimpleNamespace(is_active_session=alive.__contains__))
    door.admit()
    assert door.admitted("first")
    alive.remove("first")
    here = "second"
    door.admit()
    assert (door.admitted("first"), door.admitted("second")) == (False, True)
