"""Keys and certificates of the cluster's own authority, made with openssl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from localcluster.paths import State
from localcluster.processes import program
from localcluster.report import Problem
from localcluster.settings import NODE_NAME, Network

AUTHORITIES = ("ca", "etcd-ca", "aggregator-ca")
_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


@dataclass(frozen=True)
class Certificate:
    """A certificate to be issued: whom it names, and what it may be used for."""

    name: str
    subject: str
    authority: str = "ca"
    server: bool = False
    client: bool = True
    names: tuple[str, ...] = ()

    def extensions(self, network: Network) -> str:
        """The lines of openssl's extension file."""
        uses = [use for use, wanted in (("serverAuth", self.server), ("clientAuth", self.client)) if wanted]
        lines = [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            f"extendedKeyUsage={','.join(uses)}",
        ]
        if self.server:
            names = [f"IP:{network.bridge}", "IP:127.0.0.1", "DNS:localhost", *self.names]
            lines.append(f"subjectAltName={','.join(names)}")
        return "\n".join(lines) + "\n"


def certificates(network: Network) -> list[Certificate]:
    """Every certificate of the cluster. etcd has an authority of its own: whoever it signs for may read all data."""
    api_names = [f"IP:{network.api_service}", f"DNS:{NODE_NAME}", "DNS:kubernetes", "DNS:kubernetes.default"]
    api_names += ["DNS:kubernetes.default.svc", "DNS:kubernetes.default.svc.cluster.local"]
    node = f"DNS:{NODE_NAME}"
    return [
        Certificate("apiserver", "/CN=kube-apiserver", server=True, client=False, names=tuple(api_names)),
        Certificate("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        Certificate("controller-manager", "/CN=system:kube-controller-manager", server=True),
        Certificate("scheduler", "/CN=system:kube-scheduler", server=True),
        Certificate("kubelet", f"/O=system:nodes/CN=system:node:{NODE_NAME}", server=True, names=(node,)),
        Certificate("proxy", "/CN=system:kube-proxy"),
        Certificate("etcd", "/CN=etcd", "etcd-ca", server=True),
        Certificate("apiserver-etcd", "/CN=kube-apiserver-etcd-client", "etcd-ca"),
    ]


def _openssl(*arguments: str | Path) -> None:
    openssl = program("openssl")
    if not openssl:
        raise Problem("openssl is missing: install it and try again.")
    done = subprocess.run([openssl, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`openssl {arguments[0]}` failed: {done.stderr.strip()}")


def _issued(folder: Path, name: str) -> bool:
    return (folder / f"{name}.crt").exists() and (folder / f"{name}.key").exists()


def _make_authority(folder: Path, name: str, signed: Iterable[Certificate]) -> None:
    """A new authority. What the former one signed goes first, so a run that is killed here leaves no mixture."""
    for wanted in signed:
        (folder / f"{wanted.name}.crt").unlink(missing_ok=True)
    key, certificate, part = (folder / f"{name}.{end}" for end in ("key", "crt", "part"))
    certificate.unlink(missing_ok=True)
    _openssl(
        *("req", "-x509", *_KEY, "-days", _DAYS, "-subj", f"/CN=agentschedule local cluster {name}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", key, "-out", part),
    )
    part.rename(certificate)


def _issue(folder: Path, wanted: Certificate, network: Network) -> None:
    (folder / f"{wanted.name}.crt").unlink(missing_ok=True)
    key, request, extensions, part = (folder / f"{wanted.name}.{end}" for end in ("key", "csr", "ext", "part"))
    _openssl("req", "-new", *_KEY, "-subj", wanted.subject, "-keyout", key, "-out", request)
    extensions.write_text(wanted.extensions(network))
    authority = folder / wanted.authority
    _openssl(
        *("x509", "-req", "-in", request, "-days", _DAYS, "-extfile", extensions, "-out", part),
        *("-CA", authority.with_suffix(".crt"), "-CAkey", authority.with_suffix(".key")),
    )
    request.unlink()
    extensions.unlink()
    part.rename(folder / f"{wanted.name}.crt")  # last: a certificate that is there has its key


def ensure(state: State, network: Network) -> None:
    """Have every key and certificate; a missing authority renews all that it signs."""
    folder = state.pki
    former = os.umask(0o077)
    try:
        for authority in AUTHORITIES:
            if not _issued(folder, authority):
                signed = [wanted for wanted in certificates(network) if wanted.authority == authority]
                _make_authority(folder, authority, signed)
        for wanted in certificates(network):
            if not _issued(folder, wanted.name):
                _issue(folder, wanted, network)
        if not (folder / "service-accounts.key").exists():
            part = folder / "service-accounts.part"
            _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", part)
            _openssl("pkey", "-in", part, "-pubout", "-out", folder / "service-accounts.pub")
            part.rename(folder / "service-accounts.key")
    finally:
        os.umask(former)
