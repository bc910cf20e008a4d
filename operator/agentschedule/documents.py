"""Our resources out of a file: YAML read as YAML 1.2, lists opened, unknown fields named."""

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from agentschedule.api.fields import Model
from agentschedule.api.policy import AgentPolicySpec
from agentschedule.constants import API_VERSION, GROUP
from agentschedule.policy.effective import Policy
from agentschedule.policy.reading import read_policy

Raw = dict[str, Any]
STDIN = "-"


class DocumentError(ValueError):
    """What is wrong with a file, or with one resource in it; the message names the place."""


def read_file(name: str, kind: str) -> list[Raw]:
    """Return the resources of a kind in a file ("-": standard input), as they stand there. Raises DocumentError."""
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    return list(_of_kind(kind, _documents(name, text)))


def policies_in(file: Path | str) -> tuple[Policy, ...]:
    """Return the AgentPolicies in a file. Raises DocumentError, also where one of them cannot be used."""
    found = []
    for number, raw in enumerate(read_file(str(file), "AgentPolicy"), 1):
        check(raw, AgentPolicySpec)
        policy = read_policy(raw)
        if policy.problem is not None:
            raise DocumentError(f"{file}: AgentPolicy {policy.name or number}: {policy.problem}")
        found.append(policy)
    return tuple(found)


def check(raw: Raw, model: type[Model]) -> None:
    """Raise DocumentError for what the API server would refuse before the operator sees it. `model` is of the spec."""
    meta, spec = raw.get("metadata"), raw.get("spec")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not meta["name"]:
        raise DocumentError("metadata.name is missing")
    if raw.get("apiVersion") != API_VERSION:
        raise DocumentError(f"apiVersion is {raw.get('apiVersion')!r}, it must be {API_VERSION}")
    if not isinstance(spec, dict):
        raise DocumentError("spec is missing")
    unknown = list(_unknown(model, spec, "spec"))
    if unknown:
        raise DocumentError("\n".join(unknown))


class _Constructor(SafeConstructor):
    """Times stay text, as in JSON: YAML 1.2 has no type for them."""


def _as_text(constructor: _Constructor, node: ScalarNode) -> str:  # noqa: ARG001 - a hook of ruamel.yaml
    return str(node.value)


for _tag in ("timestamp", "value"):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_text)


def _documents(name: str, text: str) -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        return list(yaml.load_all(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        raise DocumentError(f"{place}: this is not YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise DocumentError(f"{name}: this is not YAML: {error}") from error


def _of_kind(wanted: str, documents: list[Any]) -> Iterator[Raw]:
    for document in documents:
        if not isinstance(document, dict):
            continue
        kind, group = str(document.get("kind")), str(document.get("apiVersion")).partition("/")[0]
        if kind.endswith("List") and isinstance(document.get("items"), list):
            yield from _of_kind(wanted, document["items"])
        elif kind == wanted and group == GROUP:
            yield document


def _unknown(model: type[Model], given: Any, path: str) -> Iterator[str]:
    if isinstance(given, list):
        for index, item in enumerate(given):
            yield from _unknown(model, item, f"{path}[{index}]")
    if not isinstance(given, dict):
        return  # of the wrong type, which is told when it is read
    fields = {str(field.alias or name): field for name, field in model.model_fields.items()}
    for key, value in given.items():
        if key in fields:
            inner = _model_in(fields[key].annotation)
            if inner is not None:
                yield from _unknown(inner, value, f"{path}.{key}")
            continue
        close = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.6)
        known = f"did you mean {path}.{close[0]}?" if close else f"known are {', '.join(fields)}"
        yield f"{path}.{key}: unknown field; {known}"


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
