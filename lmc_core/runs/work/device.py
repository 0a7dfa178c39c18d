"""Where a run computes."""

from __future__ import annotations

import torch

from lmc_core.errors import SettingError
from lmc_core.networks.network import Network


def pick_device(*wanted: str) -> str:
    """The first device that is not "auto", else the best there is. Raises SettingError if it is not there."""
    named = next((device for device in wanted if device != "auto"), None)
    if named is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = named.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if int(number or 0) >= there.get(kind, 0):
        raise SettingError(f"device={named!r} is not available here; leave it at auto")
    return named


def device_name(device: str) -> str:
    """The device with the name its maker gave it."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device


def on_device(network: Network, device: str) -> Network:
    """The network on a device; itself, with all that is remembered of its module, if it is there already."""
    wanted, there = torch.device(device), network.device
    if wanted.type == there.type and wanted.index in (None, there.index):
        return network
    return network.to(device)
