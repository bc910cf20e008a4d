"""What users copy, before a real API server: the files in examples/, and the resources in README.md and docs/."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubectl import ROOT, Kubectl

_FENCE = re.compile(r"^(?P<indent> *)```ya?ml[^\n]*\n(?P<block>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_OURS = ("AgentSchedule", "AgentRun", "AgentPolicy")
_CLUSTER_SCOPED = ("Namespace", "AgentPolicy", "ClusterRole", "ClusterRoleBinding")

Shown = tuple[str, dict[str, Any]]


def in_files() -> Iterator[Shown]:
    """Every object in examples/, with where it was found."""
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        for found in yaml.safe_load_all(path.read_text()):
            yield f"{path.name}: {found['kind']} {found['metadata'].get('name')}", found


def in_prose(path: Path) -> Iterator[Shown]:
    """Every object of ours that a page shows in full."""
    text = path.read_text()
    for fence in _FENCE.finditer(text):
        line = text.count("\n", 0, fence.start()) + 1
        for found in yaml.safe_load_all(textwrap.dedent(fence["block"])):
            if isinstance(found, dict) and found.get("kind") in _OURS and "metadata" in found:
                yield f"{path.name}, line {line}: {found['kind']}", found


def all_shown() -> list[Shown]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [*in_files(), *(shown for page in pages for shown in in_prose(page))]


def offered(kubectl: Kubectl, namespace: str, given: dict[str, Any]) -> str:
    """What the API server has against an object, in a namespace of the test's own."""
    metadata = dict(given["metadata"])
    if given["kind"] not in _CLUSTER_SCOPED:
        metadata["namespace"] = namespace
    verb = "create" if "generateName" in metadata else "apply"
    arguments = (verb, "--dry-run=server", "--validate=strict", "-f", "-")
    done = kubectl(*arguments, manifest={**given, "metadata": metadata})
    return done.stderr.strip() if done.returncode else ""


def test_everything_shown_is_accepted(kubectl: Kubectl, namespace: str) -> None:
    shown = all_shown()
    assert len(shown) >= 9
    refused = [f"{where}: {words}" for where, given in shown if (words := offered(kubectl, namespace, given))]
    assert not refused, "\n".join(refused)


def test_the_api_server_would_say_what_is_wrong(kubectl: Kubectl, namespace: str) -> None:
    given = next(found for _, found in in_files() if found["kind"] == "AgentSchedule")
    typo = {**given, "spec": {**given["spec"], "scheduel": "@daily"}}
    assert 'unknown field "spec.scheduel"' in offered(kubectl, namespace, typo)


PROSE = """\
- in a list:

  ```yaml
  kind: AgentRun
  metadata: {name: indented}
  ```

```yaml
spec: {every: 5m}   # a part only
---
kind: AgentSchedule
metadata: {name: plain}
```

```sh
kind: AgentSchedule
```

```yaml
kind: Deployment
metadata: {name: other}
```
"""


def test_resources_in_prose_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PROSE)
    assert [(where, found["metadata"]["name"]) for where, found in in_prose(page)] == [
        ("page.md, line 3: AgentRun", "indented"),
        ("page.md, line 8: AgentSchedule", "plain"),
    ]


@pytest.mark.parametrize("kind", _OURS)
def test_each_kind_is_shown(kind: str) -> None:
    assert any(found["kind"] == kind for _, found in all_shown())
