"""Writes the CRDs from the models: `python -m agentschedule.api.crd`; with `--check` it tells whether they are stale.

`crds/` is for `kubectl apply`; the chart has the same as templates, so that Helm upgrades them too. pydantic writes
JSON Schema, Kubernetes wants a structural schema (no references, no alternatives, each node typed):
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agentschedule.api.admission_chart import CHART_ADMISSION, admission_template
from agentschedule.api.fields import Model
from agentschedule.api.text import NOTICE, escaped, yaml_text
from agentschedule.api.v1alpha1 import KINDS, Column, Kind
from agentschedule.constants import GROUP, VERSION

Schema = dict[str, Any]

CRDS: Final = Path("crds")
CHART_CRDS: Final = Path("charts/agentschedule-operator/templates/crds")

_INT32_MAX: Final = 2**31 - 1
_RULES: Final = "x-kubernetes-validations"
_FREE: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
# What may stand in a schema, in the order in which it is written.
_KEYWORDS: Final = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    _INT_OR_STRING,
    _FREE,
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    _RULES,
    "required",
    "properties",
    "items",
    "additionalProperties",
)
_RULE_KEYS: Final = ("rule", "message", "reason", "fieldPath")


def generate(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": ["agents"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    **({"subresources": {"status": {}}} if kind.status else {}),
                    "additionalPrinterColumns": [_column(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": _root(kind)},
                }
            ],
        },
    }


def structural_schema(model: type[Model]) -> Schema:
    """The structural schema of a model: nothing referred to, nothing optional said by `null`, nothing untyped."""
    json_schema = model.model_json_schema()
    return _structural(json_schema, json_schema.get("$defs", {}))


def problems(schema: Schema, path: str = "") -> Iterator[str]:
    """What a schema lacks: bounds of strings, lists and maps, and descriptions of properties. Each with its path."""
    if missing := _missing_bound(schema):
        yield f"{path or '.'}: {missing}"
    for name, child in schema.get("properties", {}).items():
        if not child.get("description") and f"{path}.{name}" != ".metadata":
            yield f"{path}.{name}: no description"
        yield from problems(child, f"{path}.{name}")
    if "items" in schema:
        yield from problems(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from problems(schema["additionalProperties"], f"{path}{{}}")


def files() -> dict[Path, str]:
    """What is written: path from the root of the repository, and text."""
    written = {}
    for kind in KINDS:
        crd = generate(kind)
        head, spec = (
            yaml_text({key: crd[key] for key in ("apiVersion", "kind", "metadata")}),
            yaml_text({"spec": crd["spec"]}),
        )
        name = f"{GROUP}_{kind.plural}.yaml"
        written[CRDS / name] = f"# {NOTICE}\n{head}{spec}"
        written[CHART_CRDS / name] = _template(head, spec)
    return written | {CHART_ADMISSION: admission_template()}


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the CRDs; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m agentschedule.api.crd", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not up to date")
    arguments = parser.parse_args(argv)
    root: Path = arguments.root
    if not arguments.check:
        _write(root)
        return 0
    complaints = list(_drift(root))
    for complaint in complaints:
        sys.stderr.write(f"{complaint}: run make crds\n")
    return 1 if complaints else 0


def _column(column: Column) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "description": column.description,
        "jsonPath": column.path,
    }
    return written | ({"priority": 1} if column.wide else {})


def _root(kind: Kind) -> Schema:
    where = "its namespace" if kind.scope == "Namespaced" else "the cluster"
    name = {"description": f"Name, unique in {where}.", "type": "string", "maxLength": 253}
    root: Schema = {
        "description": kind.description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "metadata": {"type": "object", "properties": {"name": name}},  # Kubernetes allows no description here
            "spec": structural_schema(kind.spec),
            **({"status": structural_schema(kind.status)} if kind.status else {}),
        },
    }
    if kind.rules:
        root[_RULES] = list(kind.rules)
    return _ordered(root)


def _structural(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """`node` without references and alternatives, and so all below it."""
    schema = _resolved(node, definitions)
    schema.pop("title", None)
    if schema.get("default", ...) is None:
        del schema["default"]
    if schema.get(_FREE):
        schema.pop("additionalProperties", None)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if schema.get("type") == "integer":
        schema["format"] = "int32" if _fits_int32(schema) else "int64"
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = _structural(schema[key], definitions)
    if "properties" in schema:
        schema["properties"] = {name: _structural(child, definitions) for name, child in schema["properties"].items()}
        if "default" in schema:
            schema["default"] = {}  # the defaults of its properties say the rest
    return _ordered(schema)


def _resolved(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """`node` with what it refers to, and of its alternatives the one that is not null."""
    own = {key: value for key, value in node.items() if key not in {"$defs", "$ref", "anyOf"}}
    if "$ref" in node:
        return _merged(_resolved(definitions[node["$ref"].rpartition("/")[2]], definitions), own)
    if "anyOf" not in node or "type" in own or own.get(_INT_OR_STRING):
        return own
    alternatives = [alternative for alternative in node["anyOf"] if alternative != {"type": "null"}]
    if len(alternatives) != 1:
        raise ValueError(f"a structural schema has no alternatives: {node}")
    return _merged(_resolved(alternatives[0], definitions), own)


def _merged(base: Schema, over: Schema) -> Schema:
    rules = [*base.get(_RULES, ()), *over.get(_RULES, ())]
    return {**base, **over, **({_RULES: rules} if rules else {})}


def _fits_int32(schema: Schema) -> bool:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    return lowest is not None and lowest >= -_INT32_MAX and schema.get("maximum", _INT32_MAX + 1) <= _INT32_MAX


def _ordered(schema: Schema) -> Schema:
    if strange := schema.keys() - set(_KEYWORDS):
        raise ValueError(f"not allowed in a structural schema: {', '.join(sorted(strange))}, in {schema}")
    empty = {"properties"} if not schema.get("properties", True) else set()  # Kubernetes keeps no empty map
    ordered: Schema = {keyword: schema[keyword] for keyword in _KEYWORDS if keyword in schema.keys() - empty}
    if _RULES in ordered:
        ordered[_RULES] = [{key: rule[key] for key in _RULE_KEYS if key in rule} for rule in ordered[_RULES]]
    return ordered


def _missing_bound(schema: Schema) -> str | None:
    bounded = "maxLength" in schema or "enum" in schema or schema.get("format") == "date-time"
    if (schema.get("type") == "string" or schema.get(_INT_OR_STRING)) and not bounded:
        return "a string has neither maxLength nor enum"
    if schema.get("type") == "array" and "maxItems" not in schema:
        return "a list has no maxItems"
    if "additionalProperties" in schema and "maxProperties" not in schema:
        return "a map has no maxProperties"
    return None


def _template(head: str, spec: str) -> str:
    """The CRD as a template of the chart: installed, labelled and kept as the values say. `head` ends in metadata."""
    return (
        f"{{{{- /* {NOTICE} */ -}}}}\n"
        "{{- if .Values.crds.enabled }}\n"
        f"{escaped(head)}"
        "  labels:\n"
        '    {{- include "agentschedule-operator.labels" . | nindent 4 }}\n'
        "  {{- if .Values.crds.keep }}\n"
        "  annotations:\n"
        "    helm.sh/resource-policy: keep\n"
        "  {{- end }}\n"
        f"{escaped(spec)}"
        "{{- end }}\n"
    )


def _write(root: Path) -> None:
    for path, text in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for path in _left_over(root):
        (root / path).unlink()


def _drift(root: Path) -> Iterator[str]:
    for path, text in files().items():
        if not (root / path).is_file():
            yield f"{path} is missing"
        elif (root / path).read_text(encoding="utf-8") != text:
            yield f"{path} is not what the models say"
    for path in _left_over(root):
        yield f"{path} belongs to no kind"


def _left_over(root: Path) -> list[Path]:
    found = {
        path.relative_to(root) for folder in (CRDS, CHART_CRDS) for path in (root / folder).glob(f"{GROUP}_*.yaml")
    }
    return sorted(found - files().keys())


if __name__ == "__main__":
    sys.exit(main())
