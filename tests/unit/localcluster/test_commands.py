import json
import tomllib
from pathlib import Path

import pytest

from localcluster import controlplane, gobuild, node, settings
from localcluster.gobuild import CONTAINERD, ETCD, HELM, KIND, KUBERNETES, KWOK, PAUSE
from localcluster.paths import State
from localcluster.pki import certificates
from localcluster.processes import Command
from localcluster.settings import Network

_NETWORK = Network.parse("10.213.0.0/23")
_BIN = Path("/cache/bin")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "cluster")


def control_plane(state: State) -> list[Command]:
    return [
        controlplane.etcd(state, _NETWORK, _BIN),
        controlplane.apiserver(state, _NETWORK, _BIN),
        controlplane.controller_manager(state, _NETWORK, _BIN),
        controlplane.scheduler(state, _NETWORK, _BIN),
    ]


def configuration(command: Command) -> str:
    return command.configuration[0][1]


def test_no_component_listens_on_every_address(state: State) -> None:
    for command in control_plane(state):
        assert "0.0.0.0" not in " ".join(command.argv)
        assert "10.213.0.1" in " ".join(command.argv)
    kubelet = json.loads(configuration(node.kubelet(state, _NETWORK, _BIN)))
    assert kubelet["address"] == kubelet["healthzBindAddress"] == "10.213.0.1"
    assert kubelet["readOnlyPort"] == 0
    proxy = json.loads(configuration(node.proxy(state, _NETWORK, _BIN)))
    assert {proxy["metricsBindAddress"], proxy["healthzBindAddress"]} == {"10.213.0.1:10249", "10.213.0.1:10256"}


def test_no_token_is_on_a_command_line_and_certificates_are_checked(state: State) -> None:
    words = " ".join(word for command in control_plane(state) for word in command.argv)
    assert "insecure" not in words
    assert "--client-cert-auth" in words
    assert f"--kubelet-certificate-authority={state.pki / 'ca.crt'}" in words


def test_every_certificate_that_is_named_is_issued(state: State) -> None:
    issued = {certificate.name for certificate in certificates(_NETWORK)} | {"ca", "etcd-ca", "aggregator-ca"}
    for command in control_plane(state):
        for word in command.argv:
            if word.endswith(".crt"):
                assert Path(word).stem in issued


def test_the_api_servers_certificate_has_all_its_names() -> None:
    apiserver = next(wanted for wanted in certificates(_NETWORK) if wanted.name == "apiserver")
    text = apiserver.extensions(_NETWORK)
    for name in ("IP:10.213.0.1", "IP:10.213.1.1", "IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc"):
        assert name in text


def test_containerd_keeps_to_its_folders_and_asks_no_registry(state: State) -> None:
    command = node.containerd(state, _NETWORK, Path("/usr/lib/cni"))
    config = tomllib.loads(configuration(command))
    assert config["root"] == str(state.containerd)
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    assert runtime["cni"]["conf_dir"] == str(state.config / "cni")
    files = {path.name: content for path, content in command.configuration}
    assert tomllib.loads(files["hosts.toml"])["server"].startswith("http://127.0.0.1:1/")
    network = json.loads(files["10-pods.conflist"])
    assert network["plugins"][0]["ipam"]["dataDir"].startswith(str(state.root))


def test_a_command_writes_its_configuration_when_it_is_told_to(state: State) -> None:
    command = node.containerd(state, _NETWORK, Path("/usr/lib/cni"))
    assert not state.root.exists()
    command.configure()
    assert all(path.read_text() == content for path, content in command.configuration)


@pytest.mark.parametrize("component", [KUBERNETES, ETCD, CONTAINERD, HELM, KWOK, KIND])
def test_module_folders_pin_the_version_that_is_named(component: gobuild.Component) -> None:
    pinned = [
        line.split() for line in (component.module / "go.mod").read_text().splitlines() if line.startswith("require ")
    ]
    versions = [words[2] for words in pinned if len(words) == 3]
    assert versions == [f"v{component.version}"]
    assert (component.module / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("component", [KUBERNETES, CONTAINERD, HELM, KWOK, KIND])
def test_module_folders_name_every_program_that_is_built(component: gobuild.Component) -> None:
    tools = (component.module / "tools.go").read_text()
    assert all(f'"{package}"' in tools for package in component.packages)


@pytest.mark.parametrize("component", [KUBERNETES, ETCD, CONTAINERD, HELM, KWOK, KIND, PAUSE])
def test_go_is_new_enough_for_every_module(component: gobuild.Component) -> None:
    line = next(line for line in (component.module / "go.mod").read_text().splitlines() if line.startswith("go "))
    assert tuple(map(int, line.split()[1].split("."))) <= settings.GO_MINIMUM


def test_the_go_of_pypi_is_new_enough() -> None:
    version = settings.GO_PACKAGE.partition("==")[2]
    assert tuple(map(int, version.split("."))) >= settings.GO_MINIMUM
