"""What decides whether an image is built anew, and what a build is given."""

import configparser
import os
import re
from pathlib import Path

import pytest

from images import base, build, pip_settings
from images.buildah import Buildah
from images.cache import CHECKOUT, digest_of
from images.docker import Docker
from images.request import Request
from localcluster.report import Problem


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose user has set nothing for pip."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name in pip_settings._CA_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setattr(pip_settings, "_files", lambda: [tmp_path / "pip.conf"])
    return tmp_path


def test_an_ordinary_machine_hands_over_nothing(home: Path) -> None:
    assert pip_settings.secrets(home) == {}


def test_index_and_certificates_are_handed_over_and_machine_paths_are_not(home: Path) -> None:
    bundle = home / "own.pem"
    bundle.write_text("certificate")
    folder = home / "secrets"
    folder.mkdir()
    (home / "pip.conf").write_text(
        f"[global]\nindex-url = https://index.example/simple\nfind-links = {home}\ncert = {bundle}\n"
    )
    given = pip_settings.secrets(folder)
    assert given["ca-bundle.pem"] == bundle
    written = configparser.RawConfigParser()
    written.read(given["pip.conf"])
    assert dict(written.items("global")) == {
        "index-url": "https://index.example/simple",
        "cert": "/run/secrets/ca-bundle.pem",
    }
    assert given["pip.conf"].stat().st_mode & 0o077 == 0


def test_the_environment_wins_over_pips_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "secrets"
    folder.mkdir()
    (home / "pip.conf").write_text("[global]\nindex-url = https://file.example/\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/")
    assert "https://environment.example/" in pip_settings.secrets(folder)["pip.conf"].read_text()


def test_a_digest_follows_names_contents_modes_and_words(tmp_path: Path) -> None:
    file = tmp_path / "a" / "file"
    file.parent.mkdir()
    file.write_text("one")
    seen = [digest_of(tmp_path, [tmp_path / "a"]), digest_of(tmp_path, [tmp_path / "a"], "word")]
    file.write_text("two")
    seen.append(digest_of(tmp_path, [tmp_path / "a"]))
    file.chmod(0o755)
    seen.append(digest_of(tmp_path, [tmp_path / "a"]))
    file.rename(file.with_name("other"))
    seen.append(digest_of(tmp_path, [tmp_path / "a"]))
    assert len(set(seen)) == len(seen)


def test_a_digest_ignores_what_python_leaves(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("")
    before = digest_of(tmp_path, [tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "module.pyc").write_text("x")
    assert digest_of(tmp_path, [tmp_path]) == before


def test_all_that_the_dockerfile_copies_counts() -> None:
    dockerfile = (CHECKOUT / "Dockerfile").read_text()
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    sent = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert set(build._OPERATOR_INPUTS) == {*copied, "Dockerfile", ".dockerignore"}


def test_the_operators_tag_says_what_it_was_made_of_and_the_archive_says_the_tag() -> None:
    plan = build.operator_plan(Buildah(), None)
    assert re.fullmatch(r"agentschedule-operator:\d+\.\d+\.\d+-[0-9a-f]{12}", plan.name)
    assert build.name_of(plan.archive) == plan.name
    assert plan.arguments["BASE_IMAGE"] == base.name()
    assert build.operator_plan(Buildah(), "python:slim").name != plan.name


def test_docker_takes_the_dockerfiles_own_base() -> None:
    assert "BASE_IMAGE" not in build.operator_plan(Docker(), None).arguments


def test_an_agents_image_has_the_folders_name(tmp_path: Path) -> None:
    folder = tmp_path / "cluster-watch"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert build.agent_plan(Docker(), None, folder).name == "local/cluster-watch:dev"


def test_an_agents_image_is_given_the_library() -> None:
    plan = build.agent_plan(Docker(), None, CHECKOUT / "examples/agents")
    request = Request(plan.context, plan.name, contexts=plan.contexts)
    assert request.options() == [f"--build-context=agentschedule={CHECKOUT / 'operator/agentschedule'}"]
    copied = re.findall(r"^COPY .*--from=agentschedule (\S+)", (plan.context / "Dockerfile").read_text(), re.MULTILINE)
    assert [(CHECKOUT / "operator/agentschedule" / name).is_file() for name in copied] == [True]


@pytest.mark.parametrize("name", ["no-dockerfile", "Bad_Name"])
def test_a_folder_that_is_no_agent_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if name == "Bad_Name":
        (folder / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(Problem):
        build.agent_plan(Docker(), None, folder)
