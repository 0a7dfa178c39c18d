"""The worker's side of the conversation, by an engine that says the next thing at the worst moment."""

import queue
import threading
import time
from pathlib import Path

from engine_bench import Bench

from lmc_core.runs.engine.worker import Message, serve


class Eager:
    """An engine that sends the same run anew while it is still being told of its end."""

    def __init__(self, message: Message, times: int):
        self._message, self._left = message, times
        self.there: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.ends: list[str] = []
        self.said()

    def said(self) -> None:
        self._left -= 1
        self.there.put(self._message)

    def send(self, message: Message) -> None:
        if "end" not in message:
            return
        self.ends.append(message["end"])
        if self._left:
            self.said()
            while not self.there.empty():
                time.sleep(0.001)
            time.sleep(0.05)  # until the worker has heard it too
        else:
            self.there.put(None)

    def receive(self) -> Message:
        message = self.there.get()
        if message is None:
            raise EOFError
        return message


def test_a_run_that_is_sent_anew_while_its_end_is_told_is_carried_out_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    request = bench.request("again", steps=1)
    engine = Eager({"run": request.id, "request": request.json}, times=3)
    worker = threading.Thread(target=serve, args=(engine, bench.host, "cpu", "engine_jobs"), daemon=True)
    worker.start()
    worker.join(60)
    bench.index.close()
    assert engine.ends == ["done", "done", "done"]
