"""What pip needs on this machine to reach its package index, handed to a build as secrets.

Nothing of it stays in the image. On a machine with pip as it comes there is nothing to hand over.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path

PIP_CONF = "pip.conf"
CA_BUNDLE = "ca-bundle.pem"
# Where the Dockerfile's mounts have them.
_CA_BUNDLE_INSIDE = f"/run/secrets/{CA_BUNDLE}"
# Settings that mean the same inside the build; others name files of this machine.
_KEPT = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
_CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def _files() -> list[Path]:
    """pip's configuration files, the stronger later."""
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    usual = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path(config) / "pip/pip.conf"]
    named = os.environ.get("PIP_CONFIG_FILE")
    return [*usual, Path(named)] if named else usual


def _settings() -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read(_files())
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update(parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _ca_bundle(settings: dict[str, str]) -> Path | None:
    for name in (settings.get("cert"), *map(os.environ.get, _CA_VARIABLES)):
        if name and Path(name).is_file():
            return Path(name)
    return None


def secrets(folder: Path) -> dict[str, Path]:
    """The build's secrets by their ids; a file that must be written is put into the folder."""
    settings = _settings()
    bundle = _ca_bundle(settings)
    lines = [f"{key} = {' '.join(value.split())}" for key, value in settings.items() if key in _KEPT]
    given: dict[str, Path] = {}
    if bundle:
        lines.append(f"cert = {_CA_BUNDLE_INSIDE}")
        given[CA_BUNDLE] = bundle
    if lines:
        path = folder / PIP_CONF
        path.touch(mode=0o600)
        path.write_text("\n".join(["[global]", *lines, ""]))
        given[PIP_CONF] = path
    return given
