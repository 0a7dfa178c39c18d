"""What a host decides about runs, read from environment variables whose names start with LMC_."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from lmc_core.errors import SettingError

ENGINES = ("local", "thread", "ray")
LOGINS = ("off", "required")
PREPARATIONS = ("on", "off")


@dataclass(frozen=True)
class Settings:
    """The settings of one server.

    home              LMC_HOME            folder for everything this machine keeps
    store             LMC_STORE           where results and uploads live: a folder, or any address fsspec knows (s3://…)
    database          LMC_DATABASE_URL    index of runs: an SQLAlchemy address; SQLite in `home` by default
    engine            LMC_ENGINE          "local" (processes here), "ray" (a Ray cluster) or "thread" (in this process)
    devices           LMC_DEVICE          one worker each: "auto", "cpu", "cuda", "cuda:0,cuda:1"
    threads           LMC_WORKER_THREADS  processor threads of one worker; by default all but one, which the pages keep
    checkpoints       LMC_CHECKPOINTS     folder of the shipped networks
    upload_bytes      LMC_UPLOAD_MB       largest single upload
    quota_bytes       LMC_QUOTA_MB        all uploads of all visitors together
    quota_per_owner   LMC_QUOTA_PER_OWNER_MB  how much of that may belong to one visitor
    results_bytes     LMC_RESULTS_MB      all results together, but those that are shipped
    results_per_owner LMC_RESULTS_PER_OWNER_MB  how much of that may belong to one visitor
    result_days       LMC_RESULT_DAYS     a result that nobody opened for so long is removed
    queue             LMC_QUEUE           how many runs may wait, in total
    queue_per_owner   LMC_QUEUE_PER_OWNER how many of them may belong to one visitor
    run_seconds       LMC_RUN_SECONDS     a run that takes longer is stopped
    grace_seconds     LMC_GRACE_SECONDS   how long a cancelled run may take to end by itself before its worker is killed
    local_paths       LMC_LOCAL_PATHS     folder on this machine whose files visitors may name; none by default
    login             LMC_LOGIN           "required": only who has logged in may upload and start runs
    prepare           LMC_PREPARE         "off": what the pages show first is computed when somebody looks, not before
    """

    home: Path
    store: str
    database: str
    engine: str
    devices: tuple[str, ...]
    threads: int
    checkpoints: Path
    upload_bytes: int
    quota_bytes: int
    quota_per_owner: int
    results_bytes: int
    results_per_owner: int
    result_days: float
    queue: int
    queue_per_owner: int
    run_seconds: float
    grace_seconds: float
    local_paths: Path | None = None
    login: bool = False
    prepare: bool = True

    @property
    def scratch(self) -> Path:
        """Where workers put temporary files."""
        return self.home / "scratch"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a worker process needs to see the same home, store and checkpoints."""
        return {
            "LMC_HOME": str(self.home),
            "LMC_STORE": self.store,
            "LMC_DATABASE_URL": self.database,
            "LMC_CHECKPOINTS": str(self.checkpoints),
            "LMC_WORKER_THREADS": str(self.threads),
            "LMC_UPLOAD_MB": str(self.upload_bytes / 2**20),
            "LMC_QUOTA_MB": str(self.quota_bytes / 2**20),
            "LMC_QUOTA_PER_OWNER_MB": str(self.quota_per_owner / 2**20),
        }


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The Settings that an environment asks for. Raises SettingError naming the variable that makes no sense."""
    asked = tuple(sorted((name, text) for name, text in environment.items() if name.startswith("LMC_")))
    return _settings(asked, Path.home(), Path.cwd())


@lru_cache(maxsize=64)  # every page asks many times
def _settings(asked: tuple[tuple[str, str], ...], user: Path, here: Path) -> Settings:
    """Of some variables, for a user with that home, in that working directory."""
    environment = dict(asked)
    default_home = user / ".cache" / "mode-connectivity-explorer"
    home = _folder("LMC_HOME", environment.get("LMC_HOME") or str(default_home))
    engine = environment.get("LMC_ENGINE") or "local"
    if engine not in ENGINES:
        raise SettingError(f"LMC_ENGINE={engine!r} is not one of {', '.join(ENGINES)}")
    if engine == "ray" and find_spec("ray") is None:
        raise SettingError("LMC_ENGINE=ray needs Ray, which is not installed: pip install ray")
    login = environment.get("LMC_LOGIN") or "off"
    if login not in LOGINS:
        raise SettingError(f"LMC_LOGIN={login!r} is not one of {', '.join(LOGINS)}")
    prepare = environment.get("LMC_PREPARE") or "on"
    if prepare not in PREPARATIONS:
        raise SettingError(f"LMC_PREPARE={prepare!r} is not one of {', '.join(PREPARATIONS)}")
    local = environment.get("LMC_LOCAL_PATHS")
    shipped = Path(__file__).resolve().parents[2] / "checkpoints"
    return Settings(
        home=home,
        store=environment.get("LMC_STORE") or str(home / "store"),
        database=environment.get("LMC_DATABASE_URL") or f"sqlite:///{home / 'runs.db'}",
        engine=engine,
        devices=tuple(d.strip() for d in (environment.get("LMC_DEVICE") or "auto").split(",") if d.strip()),
        threads=int(_number(environment, "LMC_WORKER_THREADS", max(1, _processors() - 1), 1)),
        checkpoints=Path(environment.get("LMC_CHECKPOINTS") or shipped),
        upload_bytes=int(_number(environment, "LMC_UPLOAD_MB", 512, 0) * 2**20),
        quota_bytes=int(_number(environment, "LMC_QUOTA_MB", 8192, 0) * 2**20),
        quota_per_owner=int(_number(environment, "LMC_QUOTA_PER_OWNER_MB", 2048, 0) * 2**20),
        results_bytes=int(_number(environment, "LMC_RESULTS_MB", 8192, 1) * 2**20),
        results_per_owner=int(_number(environment, "LMC_RESULTS_PER_OWNER_MB", 1024, 1) * 2**20),
        result_days=_number(environment, "LMC_RESULT_DAYS", 90, 1),
        queue=int(_number(environment, "LMC_QUEUE", 64, 1)),
        queue_per_owner=int(_number(environment, "LMC_QUEUE_PER_OWNER", 8, 1)),
        run_seconds=_number(environment, "LMC_RUN_SECONDS", 3600, 1),
        grace_seconds=_number(environment, "LMC_GRACE_SECONDS", 0.5, 0),
        local_paths=_folder("LMC_LOCAL_PATHS", local) if local else None,
        login=login == "required",
        prepare=prepare == "on",
    )


def _folder(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # of a user that is not known; a circle of links
        raise SettingError(f"{name}={text!r} is no folder ({error})") from None


def _number(environment: Mapping[str, str], name: str, default: float, low: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise SettingError(f"{name}={text!r} is not a number") from None
    if not low <= value < float("inf"):
        raise SettingError(f"{name}={text!r} is below {low:g}")
    return value


def _processors() -> int:
    """How many processors this process may use, which in a container is fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
