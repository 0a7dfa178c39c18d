"""Settings: what a host decides by environment variables."""

import pytest

from lmc_core.errors import SettingError
from lmc_core.runs.settings import settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LMC_ENGINE", "magic"),
        ("LMC_UPLOAD_MB", "many"),
        ("LMC_QUEUE", "0"),
        ("LMC_PREPARE", "maybe"),
        ("LMC_RUN_SECONDS", "nan"),
        ("LMC_HOME", "~nobody-of-this-name"),
        ("LMC_LOCAL_PATHS", "~nobody-of-this-name/models"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        settings({name: value})
