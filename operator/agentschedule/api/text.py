"""YAML as it is written into files of the repository."""

from typing import Final

import yaml

NOTICE: Final = "Generated from the models in operator/agentschedule/api by `make crds`; changes here are lost."


class _Dumper(yaml.SafeDumper):
    """Block style, lists indented, nothing by alias, long texts folded."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - a hook of PyYAML
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - likewise
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    would_double_quotes = "'" in text and text.startswith("!")
    folded = len(text) > 60 or would_double_quotes
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=">" if folded else None)


_Dumper.add_representer(str, _text)


def yaml_text(data: object) -> str:
    """Block style, in the order given."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True, default_flow_style=False)


def escaped(text: str) -> str:
    """For a template of Helm."""
    return text.replace("{{", '{{ "{{" }}')
