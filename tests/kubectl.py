"""kubectl as the tests call it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[1]


class Kubectl(Protocol):
    """Runs kubectl; `manifest` is its standard input, for `-f -`."""

    def __call__(
        self, *args: str, manifest: Mapping[str, Any] | str | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]: ...
