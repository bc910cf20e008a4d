"""The process that renders people's templates. It is started by `rendering.py` as a program of its own.

It imports nothing of this package and is given no secret, no environment and no file: it reads requests from its
standard input and writes answers to its standard output, one JSON object a line. The kernel bounds it: memory and files
for good, processor time anew for every request. A template that exhausts its time ends the process, in whatever it is
doing; Python's own means (threads, tracing) do not reach into `'%9999999d' % 1`.
"""

import json
import resource
import signal
import sys
from functools import lru_cache
from pathlib import Path

import jinja2
import jinja2.debug
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY_BYTES = 48 * 1024 * 1024
"""Address space beyond what the loaded process has. It counts within the operator's own limit of memory."""


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, with no more than templates of a message need."""

    def __init__(self, escape: bool) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, finalize=_escaped if escape else _plain, autoescape=False)
        self.globals.pop("lipsum")


def _plain(value: object) -> object:
    return "" if value is None else value


def _escaped(value: object) -> object:
    text = str(_plain(value))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_ENVIRONMENTS = {"plain": _Environment(escape=False), "slack": _Environment(escape=True)}


@lru_cache(maxsize=64)
def _template(medium: str, source: str) -> jinja2.Template:
    return _ENVIRONMENTS[medium].from_string(source)


def render(medium: str, source: str, values: dict[str, object], most: int) -> dict[str, object]:
    """The answer: its `text`, or its `problem`; `end` when this process should not go on."""
    parts: list[str] = []
    length = 0
    try:
        for part in _template(medium, source).generate(values):
            length += len(part)
            if length > most:
                return {"problem": f"it makes more than {most} characters"}
            parts.append(part)
    except jinja2.TemplateSyntaxError as error:
        return {"problem": f"line {error.lineno}: {error.message}"[:300]}
    except (MemoryError, RecursionError) as error:
        return {"problem": f"it takes too much ({type(error).__name__})", "end": True}
    except (OSError, ImportError) as error:
        return {"problem": f"it needs what is not there ({type(error).__name__})"}
    except Exception as error:  # noqa: BLE001 - templates are people's programs
        return {"problem": f"{type(error).__name__}: {error}"[:300]}
    return {"text": "".join(parts)}


# Python loads some modules when they are first needed; afterwards no file can be opened.
_USES_EVERYTHING = """
{% for a in ['z', 'a']|sort|unique %}{{ loop.cycle(a, 1)|upper }}{% endfor %}{% set b = namespace(c='é') %}
{{ {'a': 1}|pprint }}{{ {'a': 1}|tojson }}{{ 'a b'|wordwrap(1)|indent|title|truncate(5) }}{{ '<a>'|striptags|escape }}
{{ 'a b'|urlencode }}{{ 'http://a.example'|urlize }}{{ [1, 2]|random }}{{ [{'a': 1}]|groupby('a')|list }}
{{ 'a-b'.split('-')|join(',') }}{{ '%d'|format(1) }}{{ '{:>3}'.format(1.5) }}{{ 1e3|round(1)|filesizeformat }}
{{ {'a': '<'}|xmlattr }}{{ [1, 2]|slice(2)|list }}{{ [1, 2]|sum }}{{ b.c|wordcount }}{{ [1]|map('string')|list }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m('x')|safe }}{{ 'x'.encode('utf-8') }}{{ nothing }}
"""


def _load() -> None:
    for medium in _ENVIRONMENTS:
        render(medium, _USES_EVERYTHING, {}, 10_000)
        render(medium, "{% if %}", {}, 100)


def main() -> None:
    """Answer until nobody asks any more."""
    _load()
    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        # The default action of SIGPROF ends the process; no handler of Python's has to run for it.
        signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
        answer = render(asked["medium"], asked["template"], asked["values"], asked["most"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if "end" in answer:
            return


if __name__ == "__main__":
    main()
