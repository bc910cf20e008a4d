"""Templates: what they can do, and that no hostile one takes more than its bounds."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.delivery.render_worker import _USES_EVERYTHING, render
from agentschedule.delivery.rendering import MOST_CHARACTERS, Renderer, UnusableTemplateError, template_values
from tests.unit.delivery.notices import FAILED, notice

VALUES = template_values(FAILED)


@pytest_asyncio.fixture
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer()
    yield made
    await made.close()


async def test_a_template(renderer: Renderer) -> None:
    template = (
        "{{ schedule }} {{ event|lower }}{% if cost_usd %} for {{ cost_usd }} USD{% endif %},"
        " took {{ duration|int }} s: {{ summary }}"
    )
    text = await renderer.render(template, VALUES, "plain")
    assert text == "daily-news failed for 0.42 USD, took 123 s: Two of five sources did not answer."


async def test_every_value_is_there_also_when_nothing_is_known(renderer: Renderer) -> None:
    bare = template_values(notice(started_at=None, cost_usd="", next_run_at=None))
    template = " ".join(f"[{{{{ {name} }}}}]" for name in bare)
    assert "None" not in await renderer.render(template, bare, "plain")
    assert set(bare) == set(VALUES)


async def test_for_slack_what_values_give_is_escaped_and_what_the_author_wrote_is_not(renderer: Renderer) -> None:
    values = VALUES | {"summary": "<!channel> & <https://evil.example|click>"}
    template = "<!here> *{{ summary }}* {{ '<' ~ run }}"
    text = await renderer.render(template, values, "slack")
    assert text.startswith("<!here> *&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;* &lt;daily-news")


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ 'a' * 10**9 }}", id="a gigabyte"),
        pytest.param("{{ 'a' * 10**18 }}", id="more than memory"),
        pytest.param("{{ 10**(10**9) }}", id="power"),
        pytest.param("{{ 2**100000 }}", id="number of many digits"),
        pytest.param("{{ 7 ** (10 ** 8) % 3 }}", id="slow arithmetic"),
        pytest.param("{% for a in range(10**9) %}{% endfor %}", id="long range"),
        pytest.param(
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", id="nested loops"
        ),
        pytest.param(
            "{% for a in range(99999) %}{% for b in range(99999) %}a{% endfor %}{% endfor %}", id="endless output"
        ),
        pytest.param("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", id="deep recursion"),
        pytest.param("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", id="wide recursion"),
        pytest.param("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", id="recursive loop"),
        pytest.param("{{ '%0999999999d' % 1 }}", id="percent format"),
        pytest.param("{{ '{:0999999999}'.format(1) }}", id="format"),
        pytest.param("{{ 'a'|center(10**9) }}", id="center"),
        pytest.param("{{ 'a'.ljust(10**9) }}", id="ljust"),
        pytest.param("{{ ('a' * 10**7)|wordwrap(1) }}", id="wordwrap"),
        pytest.param("{{ ('a,' * 10**8).split(',')|length }}", id="split"),
        pytest.param("{{ (('a' * 10**5)|replace('a', 'a' * 10**5)) }}", id="replace"),
        pytest.param("{{ lipsum(n=10**6) }}", id="lipsum"),
        pytest.param("{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}", id="deep brackets"),
        pytest.param("{{ " + "-" * 4000 + "1 }}", id="deep signs"),
        pytest.param("{% if 1 %}" * 300, id="deep blocks"),
        pytest.param("{{ ().__class__.__base__.__subclasses__() }}", id="subclasses"),
        pytest.param("{{ ''['__class__'] }}", id="class by item"),
        pytest.param("{{ (''|attr('__class__')).mro() }}", id="class by filter"),
        pytest.param("{{ '{0.__class__}'.format(1) }}", id="class by format"),
        pytest.param("{{ '{0.__class__.__mro__}'.format_map({'0': 1}) }}", id="class by format_map"),
        pytest.param("{{ 'x'.format.__globals__ }}", id="globals of a method"),
        pytest.param("{{ cycler.__init__.__globals__.os.popen('id').read() }}", id="globals of a helper"),
        pytest.param("{{ self.__init__.__globals__ }}", id="self"),
        pytest.param("{{ joiner.__init__.__globals__['__builtins__'] }}", id="builtins"),
        pytest.param("{% set a = [] %}{{ a.append(1) }}", id="change a list"),
        pytest.param("{% include '/etc/passwd' %}", id="include"),
        pytest.param("{% import 'os' as os %}{{ os }}", id="import"),
        pytest.param("{% extends 'base' %}", id="extends"),
        pytest.param("{{ nothing_of_that_name }}", id="name that is unknown"),
        pytest.param("{{ summary.nothing }}", id="attribute that is unknown"),
        pytest.param("{% for %}", id="syntax"),
        pytest.param("{{ 1/0 }}", id="division by zero"),
        pytest.param("{{ summary|nofilter }}", id="filter that is unknown"),
    ],
)
async def test_hostile_templates(renderer: Renderer, template: str) -> None:
    await renderer.render("warm", {}, "plain")
    began = time.monotonic()
    with pytest.raises(UnusableTemplateError) as caught:
        await renderer.render(template, VALUES, "plain")
    assert time.monotonic() - began < 8  # half a second of a processor, on a machine that may be busy
    assert "root:" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert await renderer.render("{{ run }}", VALUES, "plain") == FAILED.run


@pytest.mark.parametrize("template", ["{{ 'a' * 10**9 }}", "{{ 'a'|center(10**9) }}", "{{ ('a,' * 10**8)|length }}"])
async def test_memory_is_bounded(renderer: Renderer, template: str) -> None:
    """Not by what comes out, nor by time: allocating is fast."""
    with pytest.raises(UnusableTemplateError, match="MemoryError"):
        await renderer.render(template, VALUES, "plain")


async def test_the_longest_values_fit(renderer: Renderer) -> None:
    log = "é\n" * (128 * 1024)
    values = template_values(notice(output=log, summary="x" * 4096))
    text = await renderer.render("{{ output|upper|replace('É', 'e')|length }} {{ output[-20:]|trim }}", values, "slack")
    assert text.startswith("262144 é")


async def test_every_filter_works_without_files(renderer: Renderer) -> None:
    """All modules are loaded before: what is used up to its last, unknown name gets that far."""
    with pytest.raises(UnusableTemplateError, match="'nothing' is undefined"):
        await renderer.render(_USES_EVERYTHING, {}, "plain")


async def test_a_template_that_ended_the_process_is_not_tried_again(renderer: Renderer) -> None:
    template = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(UnusableTemplateError):
        await renderer.render(template, VALUES, "plain")
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(UnusableTemplateError):
            await renderer.render(template, VALUES, "slack")
    assert time.monotonic() - began < 0.5


async def test_the_loop_goes_on_while_a_template_computes(renderer: Renderer) -> None:
    await renderer.render("warm", {}, "plain")
    longest = timedelta()

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, timedelta(seconds=time.monotonic() - began))

    ticking = asyncio.create_task(tick())
    with pytest.raises(UnusableTemplateError):
        await renderer.render("{{ 7 ** (10 ** 8) }}", VALUES, "plain")
    ticking.cancel()
    assert longest < timedelta(seconds=0.5)


async def test_an_answer_that_nobody_waited_for_is_not_the_next_one_s(renderer: Renderer) -> None:
    await renderer.render("warm", {}, "plain")
    asked = asyncio.create_task(renderer.render("{{ 'x' * 60000 }}{{ 3 ** 10**6 % 7 }}", VALUES, "plain"))
    await asyncio.sleep(0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await renderer.render("mine", VALUES, "plain") == "mine"


async def test_the_process_has_nothing_to_steal(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHEDULE_SMTP_PASSWORD", "t0ps3cret")
    await renderer.render("warm", {}, "plain")
    process = renderer._process
    assert process is not None
    proc = Path(f"/proc/{process.pid}")
    assert b"t0ps3cret" not in proc.joinpath("environ").read_bytes()
    limits = proc.joinpath("limits").read_text()
    assert "Max open files            3" in limits
    assert "Max file size             0" in limits


def test_the_same_on_uvloop() -> None:
    """The operator runs on it."""

    async def both() -> str:
        renderer = Renderer()
        try:
            with pytest.raises(UnusableTemplateError):
                await renderer.render("{{ 10**(10**9) }}", VALUES, "plain")
            return await renderer.render("{{ run }}", VALUES, "plain")
        finally:
            await renderer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(both()) == FAILED.run


async def test_the_process_ends_with_the_one_that_asks(renderer: Renderer) -> None:
    await renderer.render("warm", {}, "plain")
    process = renderer._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_as_long_as_allowed_and_one_more(renderer: Renderer) -> None:
    assert len(await renderer.render(f"{{{{ 'é' * {MOST_CHARACTERS} }}}}", {}, "plain")) == MOST_CHARACTERS
    with pytest.raises(UnusableTemplateError, match="more than"):
        await renderer.render(f"{{{{ 'a' * {MOST_CHARACTERS + 1} }}}}", {}, "plain")


async def test_many_at_once(renderer: Renderer) -> None:
    texts = await asyncio.gather(*(renderer.render(f"{n} {{{{ run }}}}", VALUES, "plain") for n in range(200)))
    assert texts == [f"{n} {FAILED.run}" for n in range(200)]


async def test_a_message_without_its_template_is_the_default_and_says_why(renderer: Renderer) -> None:
    message = await renderer.message(FAILED, "{{ nothing_of_that_name }}")
    assert "Two of five sources" in message.text
    assert "template" in message.text.splitlines()[-1]
    assert "nothing_of_that_name" in message.slack[-1]
    assert "nothing_of_that_name" in message.html


@pytest.mark.parametrize("program", ["/bin/false", "/nothing/there"])
async def test_without_its_process_people_hear_of_it_nevertheless(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("sys.executable", program)
        message = await renderer.message(FAILED, "{{ schedule }}")
    assert "Two of five sources" in message.text
    assert message.text.endswith("templates cannot be rendered at present")
    assert (await renderer.message(FAILED, "{{ schedule }}")).text == "daily-news"


async def test_a_message_with_its_template(renderer: Renderer) -> None:
    message = await renderer.message(notice(summary="<b>&"), "*{{ schedule }}*: {{ summary }}")
    assert message.text == "*daily-news*: <b>&"
    assert message.slack == ("*daily-news*: &lt;b&gt;&amp;",)
    assert "*daily-news*: &lt;b&gt;&amp;" in message.html


@given(st.text(max_size=200))
def test_any_text_is_a_template_or_none(text: str) -> None:
    answer = render("slack", text, dict(VALUES), 1000)
    assert ("text" in answer) != ("problem" in answer)
