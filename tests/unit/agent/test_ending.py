"""How a run ends, and what it leaves: real processes, real signals."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.unit.agent.desk import Desk

STOPPED = "Stopped before it had finished, by its deadline or from outside."


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_run_that_ends_well(desk: Desk) -> None:
    outcome = desk.run(
        "with Run() as run:\n"
        "    run.spend('0.02', input_tokens=1200, output_tokens=300)\n"
        "    run.spend('0.01')\n"
        "    run.finish('Fünf Punkte', state={'seen': 17}, alert='source 3 is down', sleep=True, output_uri='s3://b/k')\n"
    )
    assert outcome.code == 0
    assert outcome.log == ""
    assert outcome.raw == {
        "summary": "Fünf Punkte",
        "costUSD": "0.03",
        "usage": {"inputTokens": 1200, "outputTokens": 300},
        "state": {"seen": 17},
        "alert": {"severity": "warning", "message": "source 3 is down"},
        "sleep": True,
        "outputURI": "s3://b/k",
    }
    assert outcome.seen.problems == ()


def test_one_that_says_nothing_writes_nothing(desk: Desk) -> None:
    desk.result.write_text("the agent's own words")
    process = desk.script("with Run() as run:\n    print(run.input)\n")
    assert process.communicate(timeout=30)[0] == "Do it.\n"
    assert desk.result.read_text() == "the agent's own words"


def test_an_exception_is_a_failed_run_that_says_where(desk: Desk) -> None:
    outcome = desk.run(
        "import json\n"
        "def fetch():\n"
        "    json.loads('<html>')\n"
        "with Run() as run:\n"
        "    run.spend('0.02')\n"
        "    run.state = {'page': 6}\n"
        "    fetch()\n"
    )
    assert outcome.code == 1
    assert outcome.raw["summary"] == (
        "JSONDecodeError at program.py:5 in fetch: Expecting value: line 1 column 1 (char 0)"
    )
    assert (outcome.raw["costUSD"], outcome.raw["state"]) == ("0.02", {"page": 6})
    assert "Traceback" in outcome.log
    assert "in fetch" in outcome.log


ENDINGS = [
    pytest.param("sys.exit(3)", 3, "Ended with exit code 3.", id="exit code"),
    pytest.param("sys.exit('no such page')", 1, "no such page", id="exit with words"),
    pytest.param("sys.exit()", 0, None, id="exit"),
    pytest.param("run.finish('half'); sys.exit(2)", 2, "half", id="its own words, then an exit code"),
    pytest.param("run.finish('half'); raise ValueError", 1, "ValueError at program.py:4", id="finished, then failed"),
    pytest.param("raise KeyboardInterrupt", -signal.SIGINT, "Interrupted.", id="Ctrl-C"),
    pytest.param("run.spend('0.6'); run.check_budget()", 1, "BudgetExceeded at program.py:4: 0.6 of", id="money"),
    pytest.param(
        "class Bad(Exception):\n        def __str__(self): raise OSError\n    raise Bad",
        *(1, "Bad at program.py:6"),
        id="an exception that cannot be shown",
    ),
]


@pytest.mark.parametrize(("text", "code", "summary"), ENDINGS)
def test_endings(desk: Desk, text: str, code: int, summary: str | None) -> None:
    outcome = desk.run(f"with Run() as run:\n    {text}\n")
    assert outcome.code == code
    assert (outcome.seen.summary or "").startswith(summary or "")
    assert bool(outcome.seen.summary) is bool(summary)


WAITS = [
    pytest.param("time.sleep(60)", id="asleep"),
    pytest.param("import socket; a, b = socket.socketpair(); a.recv(1)", id="in a call of C"),
    pytest.param("import select; select.select([], [], [], 60)", id="in select"),
    pytest.param("threading.Event().wait()", id="waiting for a thread"),
    pytest.param("import asyncio; asyncio.run(asyncio.sleep(60))", id="in asyncio"),
    pytest.param("import subprocess; subprocess.run(['sleep', '60'])", id="waiting for a process"),
    pytest.param("while True:\n            pass", id="calculating"),
    pytest.param(
        "try:\n            raise OSError\n        finally:\n            time.sleep(60)",
        id="in a finally",
    ),
]


@pytest.mark.parametrize("wait", WAITS)
def test_sigterm_leaves_a_result_and_lets_the_agent_clean_up(desk: Desk, wait: str) -> None:
    process = desk.script(
        "with Run() as run:\n"
        "    run.spend('0.02')\n"
        "    run.state = {'page': 6}\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        f"        {wait}\n"
        "    except Exception:\n"
        "        pass  # as loops do that try again\n"
        "    finally:\n"
        "        run.spend('0.01')\n"
        "        print('cleaned', flush=True)\n"
    )
    desk.ready(process)
    process.send_signal(signal.SIGTERM)
    outcome = desk.end(process)
    assert outcome.code == 143
    assert outcome.raw == {"summary": STOPPED, "costUSD": "0.03", "state": {"page": 6}}
    assert outcome.out == "cleaned\n"


def test_the_result_is_there_before_the_agent_reacts(desk: Desk) -> None:
    """It may be stuck, and killed in the end; a second SIGTERM is such an end."""
    process = desk.script(
        "with Run() as run:\n"
        "    run.spend('0.02')\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('stuck', flush=True)\n"
        "        time.sleep(60)\n"
    )
    desk.ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline() == "stuck\n"
    assert STOPPED in desk.result.read_text()
    process.send_signal(signal.SIGTERM)
    outcome = desk.end(process)
    assert outcome.code == 143
    assert outcome.raw == {"summary": STOPPED, "costUSD": "0.02"}


def test_stuck_in_a_call_that_no_signal_interrupts(desk: Desk) -> None:
    process = desk.script(
        "import hashlib\n"
        "with Run() as run:\n"
        "    run.spend('0.02')\n"
        "    print('ready', flush=True)\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)\n"
    )
    desk.ready(process)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.kill()
    assert desk.end(process).raw == {"costUSD": "0.02"}


def test_the_agent_may_say_itself_how_far_it_came(desk: Desk) -> None:
    process = desk.script(
        "with Run() as run:\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    except DeadlineExceeded:\n"
        "        run.finish('three of five', state={'done': 3})\n"
        "        raise\n"
    )
    desk.ready(process)
    process.send_signal(signal.SIGTERM)
    outcome = desk.end(process)
    assert outcome.code == 143
    assert outcome.raw == {"summary": "three of five", "state": {"done": 3}}


def test_in_the_midst_of_spending_nothing_is_lost(desk: Desk) -> None:
    """SIGTERM comes at whatever instruction; each amount that was said is in the result, whole."""
    process = desk.script(
        "said = 0\n"
        "try:\n"
        "    with Run() as run:\n"
        "        run.spend('0')\n"
        "        print('ready', flush=True)\n"
        "        while said < 900_000:\n"
        "            said += 1\n"
        "            run.spend(1)\n"
        "finally:\n"
        "    print(said)\n"
    )
    desk.ready(process)
    process.send_signal(signal.SIGTERM)
    outcome = desk.end(process)
    assert outcome.code == 143
    assert int(outcome.out) - 1 <= int(outcome.raw["costUSD"]) <= int(outcome.out)
    assert outcome.raw["summary"] == STOPPED


def test_a_kill_leaves_what_was_spent_so_far(desk: Desk) -> None:
    process = desk.script(
        "with Run() as run:\n"
        "    run.finish(state={'text': 'x' * 1000})\n"
        "    run.finish(state={'page': 6})\n"
        "    run.spend('0.02', input_tokens=5)\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    desk.ready(process)
    process.kill()
    outcome = desk.end(process)
    assert outcome.code == -signal.SIGKILL
    assert outcome.raw == {
        "costUSD": "0.02",
        "usage": {"inputTokens": 5, "outputTokens": 0},
        "state": {"page": 6},
    }


def test_killed_at_any_moment_the_file_is_whole(desk: Desk) -> None:
    """Results of changing length, written without pause; what is read at any moment is one of them."""
    process = desk.script(
        "with Run() as run:\n"
        "    run.finish('x')\n"
        "    print('ready', flush=True)\n"
        "    while True:\n"
        "        for length in (1, 3000, 5, 900):\n"
        "            run.finish('x' * length)\n"
    )
    desk.ready(process)
    for _ in range(20):
        os.kill(process.pid, signal.SIGSTOP)
        assert len(desk.result.read_text().strip()) - len('{"summary":""}') in (1, 3000, 5, 900)
        os.kill(process.pid, signal.SIGCONT)
    process.kill()
    assert set(desk.end(process).raw["summary"]) == {"x"}


def test_a_result_that_is_too_long_loses_its_summarys_end_and_no_more(desk: Desk) -> None:
    outcome = desk.run(
        "with Run() as run:\n"
        "    run.spend('0.02', input_tokens=5)\n"
        "    run.finish('\"ü' * 4000, state={'text': 'y' * 2000}, alert='down', output_uri='s3://bucket/key')\n"
    )
    assert outcome.code == 0
    assert 4090 <= outcome.size <= 4096
    assert outcome.raw["state"] == {"text": "y" * 2000}
    assert (outcome.raw["costUSD"], outcome.raw["alert"]["message"]) == ("0.02", "down")
    assert outcome.raw["outputURI"] == "s3://bucket/key"
    assert outcome.raw["summary"].endswith("…")
    assert outcome.seen.problems == ()
    assert "was cut: summary" in outcome.log


def test_threads_spend_together(desk: Desk) -> None:
    outcome = desk.run(
        "with Run() as run:\n"
        "    def work():\n"
        "        for _ in range(200):\n"
        "            run.spend('0.0001', input_tokens=1)\n"
        "    threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "    [t.start() for t in threads]\n"
        "    [t.join() for t in threads]\n"
    )
    assert (outcome.raw["costUSD"], outcome.raw["usage"]["inputTokens"]) == ("0.16", 1600)


def test_beside_the_main_thread_it_works_without_signals(desk: Desk) -> None:
    outcome = desk.run(
        "def work():\n"
        "    with Run() as run:\n"
        "        run.finish('done in a thread')\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "thread.join()\n"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
    )
    assert (outcome.code, outcome.raw["summary"]) == (0, "done in a thread")


def test_the_former_handler_is_put_back(desk: Desk) -> None:
    outcome = desk.run(
        "def mine(*_): pass\n"
        "signal.signal(signal.SIGTERM, mine)\n"
        "with Run() as run:\n"
        "    assert signal.getsignal(signal.SIGTERM) is not mine\n"
        "assert signal.getsignal(signal.SIGTERM) is mine\n"
    )
    assert outcome.code == 0, outcome.log


def test_a_forked_process_does_not_speak_for_the_run(desk: Desk) -> None:
    outcome = desk.run(
        "with Run() as run:\n"
        "    run.spend('0.02')\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        try:\n"
        "            run.spend('0.3')\n"
        "        except RuntimeError as error:\n"
        "            print(error, flush=True)\n"
        "        time.sleep(60)\n"
        "    time.sleep(0.5)\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM\n"
        "    run.finish('parent')\n"
    )
    assert outcome.code == 0, outcome.log
    assert "forked" in outcome.out
    assert outcome.raw == {"summary": "parent", "costUSD": "0.02"}


def test_without_files_it_runs_at_a_desk(desk: Desk) -> None:
    process = desk.script(
        "with Run() as run:\n    run.check_budget()\n    run.operation('send_email')\n    run.finish('tried')\n",
        AGENT_CONTEXT_FILE="",
        AGENT_RESULT_FILE="",
    )
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert log == 'agentschedule: the result is {"summary":"tried"}\n'
