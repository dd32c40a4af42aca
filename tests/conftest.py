"""What holds for all unit tests: no network, no display, one thread, no figure left open."""

import os
import socket
import sys

# Before matplotlib and torch are imported: figures are drawn without a display, and two workers share two cores.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
# A reader may have set these; the tests mean the course as it is delivered.
for name in ("SIMSWAP_MODE", "SIMSWAP_DATA"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No test needs the network: a connection to anywhere but this computer is an error."""
    connect = socket.socket.connect

    def only_here(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"This test tried to reach {address[0]} over the network.")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    """What the tests pass is not the reader's progress."""
    monkeypatch.setenv("SIMSWAP_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture(autouse=True)
def close_figures():
    """Figures that a test leaves open would pile up, and matplotlib would warn in some other test."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
