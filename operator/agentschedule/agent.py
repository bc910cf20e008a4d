"""A run, as the agent inside its container sees it: what it is given, and what it says of itself.

    from agentschedule.agent import Run

    with Run() as run:
        answer = ask_a_model(run.input, run.previous)
        run.spend("0.02", input_tokens=1200, output_tokens=300)
        run.finish(summary=answer, state={"seen": 17})

This one file is the whole library: the standard library only, Python 3.9 or newer. Where the package is not installed,
copy it to `agentschedule/agent.py` beside your program.

The result file always holds what was spent and remembered so far: it is written anew at each `spend`, `state = …` and
`finish` (about 30 microseconds each), so that also a run that is killed leaves it. Without AGENT_CONTEXT_FILE and
AGENT_RESULT_FILE (at your desk) the run is empty, has no limits, and its result is printed on stderr.
"""

from __future__ import annotations

import decimal
import json
import math
import os
import re
import signal
import stat
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from operator import index
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, TypeVar, Union

__all__ = [
    "BudgetExceeded",
    "ContextError",
    "DeadlineExceeded",
    "OperationNotAllowed",
    "Previous",
    "Run",
    "StateTooLarge",
]

Money = Union[str, int, Decimal]
Json = dict[str, Any]
_T = TypeVar("_T")
_D = TypeVar("_D")

# The operator's bounds (constants.py, runs/result.py); a test holds them together.
_CONTEXT_BYTES = 1024 * 1024
_RESULT_BYTES = 4096
_STATE_BYTES = 2048
_STATE_DEPTH = 16
_ALERT_BYTES = 512
_URI_BYTES = 512
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!#-;=?-\[\]_a-z~]+")
_ACTIVE_SCHEMES = ("javascript:", "vbscript:", "data:")
_SEVERITIES = ("info", "warning", "critical")
_MOST_MONEY = Decimal(1_000_000)
_MOST_BUDGET = Decimal(10**12)
_MOST_TOKENS = 1_000_000_000_000
_EXACT = 2**53
_LEAST_ROOM = 512  # of a result, for what is neither state nor text
_EXIT_CODE = 143  # 128 + SIGTERM

_STARTED = time.monotonic()
_LIBRARY = str(Path(json.__file__).parents[1])  # the standard one
_ARITHMETIC = decimal.Context(prec=60)  # whatever precision the agent has set for itself


class ContextError(ValueError):
    """The context file or the result file cannot be used; the message says which and why."""


class BudgetExceeded(RuntimeError):
    """What the run may cost, in money or tokens, is used up."""


class OperationNotAllowed(RuntimeError):
    """The run must not do this, since nobody attends to it."""


class StateTooLarge(ValueError):
    """The state is larger than what is handed on to the next run."""


class DeadlineExceeded(SystemExit):
    """SIGTERM came: the deadline, or the run was cancelled, replaced or evicted. About 30 seconds are left.

    Not an `Exception`, so that loops which catch and retry let it pass; a `SystemExit`, which asyncio lets pass too.
    """

    def __init__(self, message: str = "stopped by SIGTERM") -> None:
        super().__init__(_EXIT_CODE)
        self._message = message

    def __str__(self) -> str:
        return self._message


class Previous(NamedTuple):
    """The run before this one."""

    run_id: str
    phase: str
    """`Succeeded`, `Failed`, `TimedOut`, `Replaced` or `Cancelled`."""
    completed_at: datetime | None
    summary: str
    state: Mapping[str, Any]
    """The latest state that any run reported."""


class Run:
    """This run. Attributes:

    - `id` (an idempotency key for what is done outside), `schedule`, `namespace`, `agent`, `scheduled_at` (in UTC),
      `attempt` (from 1), `trigger` (`Schedule`, `CatchUp`, `Manual`)
    - `input`: the task; `context`: the schedule's free-form object; `previous`: the run before, or None
    - `iteration`, `max_iterations`: of a heartbeat, else None
    - `background`: nobody attends; `restricted_operations`, `capabilities`
    - `budget`: US dollars that it may cost in all, `max_tokens`: None without a limit
    - `deadline`: None without one. An upper estimate: the clock ran before this process started, from the moment the
      node took the pod.
    - `session_dir`: a folder that is the same at every run, where the schedule has one

    Errors: ContextError, when the context file is missing or malformed, or the result file cannot be written.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._busy = 0  # what the main thread is doing with the result, that SIGTERM must not come between
        self._listening = self._stopped = self._interrupted = False
        self._cost: Decimal | None = None
        self._tokens = {"inputTokens": 0, "outputTokens": 0}
        self._said: Json = {}
        self._failure = ""
        self._room = _RESULT_BYTES
        self._file = _open_result()
        try:
            self._read(_read_context())
        except ContextError as error:
            self._failure = f"ContextError: {error}"
            self._write(final=True)
            raise

    def _read(self, document: Json) -> None:
        if _get(document, "version", int, 1) != 1:
            raise ContextError(f"the context has version {document['version']}: a newer agentschedule.agent is needed")
        run, limits = _get(document, "run", dict, {}), _get(document, "limits", dict, {})
        names = {key: os.environ.get(f"AGENT_{name}", "local") for key, name in _NAMES.items()}
        self.id, self.schedule, self.namespace, self.agent = (_get(run, key, str, names[key]) for key in names)
        now = datetime.now(timezone.utc)
        self.scheduled_at = _time(_get(run, "scheduledAt", str, None)) or now
        self.attempt = _get(run, "attempt", int, 1)
        self.trigger = _get(run, "trigger", str, "Manual")
        self.input = _get(document, "input", str, "")
        self.context: Json = _get(document, "context", dict, {})
        self.previous = _previous(_get(document, "previous", dict, None))
        heartbeat = _get(document, "heartbeat", dict, {})
        self.iteration = _get(heartbeat, "iteration", int, None)
        self.max_iterations = _get(heartbeat, "maxIterations", int, None)
        self.background = _get(document, "background", bool, False)
        self.restricted_operations = frozenset(_texts(document, "restrictedOperations"))
        self.capabilities = frozenset(_texts(document, "capabilities"))
        budget = _get(limits, "maxBudgetUSD", str, None)
        try:
            self.budget = Decimal("Infinity") if budget is None else _money(budget, _MOST_BUDGET)
        except ValueError as error:
            raise ContextError(f"maxBudgetUSD in the context: {error}") from None
        self.max_tokens = _get(limits, "maxTokens", int, None)
        self._room = max(1024, min(_get(limits, "resultBytes", int, _RESULT_BYTES), _RESULT_BYTES))
        seconds = _get(limits, "deadlineSeconds", int, None)
        try:
            self._end = math.inf if seconds is None else _STARTED + seconds
            self.deadline = None if seconds is None else now + timedelta(seconds=self._end - time.monotonic())
        except OverflowError:
            raise ContextError("deadlineSeconds in the context is out of range") from None
        folder = os.environ.get("AGENT_SESSION_DIR")
        self.session_dir = Path(folder) if folder else None
        left = dict(self.previous.state) if self.previous else {}
        self._state: Mapping[str, Any] = MappingProxyType(deepcopy(left))

    @property
    def remaining_seconds(self) -> float:
        """Until `deadline`, never below 0; infinite without one."""
        return max(0.0, self._end - time.monotonic())

    @property
    def spent(self) -> Decimal:
        """US dollars so far."""
        return self._cost or Decimal(0)

    @property
    def remaining_budget(self) -> Decimal:
        """US dollars, never below 0; infinite without a limit."""
        return max(Decimal(0), _ARITHMETIC.subtract(self.budget, self.spent))

    @property
    def tokens(self) -> int:
        """Tokens so far, of input and output together."""
        return sum(self._tokens.values())

    @property
    def remaining_tokens(self) -> int | None:
        """Tokens, never below 0; None without a limit."""
        return None if self.max_tokens is None else max(0, self.max_tokens - self.tokens)

    def spend(self, usd: Money | None = None, *, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Add to what the run has cost, in US dollars and tokens. It does not raise when the budget is used up.

        An agent that costs nothing says `spend(0)`: one that says nothing may be charged all it was allowed.
        Errors: TypeError (a float; write a string), ValueError (negative or not a number, or beyond all reason).
        """
        amount = None if usd is None else _money(usd)
        added = {"inputTokens": _count(input_tokens), "outputTokens": _count(output_tokens)}
        with _Change(self):
            cost = self._cost if amount is None else _ARITHMETIC.add(self.spent, amount)
            tokens = {key: self._tokens[key] + added[key] for key in added}
            if (cost or 0) > _MOST_MONEY or max(tokens.values()) > _MOST_TOKENS:
                raise ValueError(f"a run cannot cost more than {_MOST_MONEY} US dollars or {_MOST_TOKENS} tokens")
            self._cost, self._tokens = cost, tokens

    def check_budget(self) -> None:
        """Raise BudgetExceeded when nothing is left of the budget, in money or tokens. Call it before what costs."""
        if self.spent >= self.budget:
            raise BudgetExceeded(f"{_plain_number(self.spent)} of {_plain_number(self.budget)} US dollars are spent")
        if self.max_tokens is not None and self.tokens >= self.max_tokens:
            raise BudgetExceeded(f"{self.tokens} of {self.max_tokens} tokens are used")

    def operation(self, name: str) -> None:
        """Say that the agent is about to do this. Raise OperationNotAllowed when it is restricted in this run."""
        if name in self.restricted_operations:
            raise OperationNotAllowed(f"{name} is not allowed in a run that nobody attends to (trigger {self.trigger})")

    @property
    def state(self) -> Mapping[str, Any]:
        """What the last run left, until it is assigned: `run.state = {"page": 7}` is what the next run will find.

        Read-only; to change a part, assign `{**run.state, "page": 7}`. A later attempt finds it also if this one fails.
        Errors of an assignment: StateTooLarge (over 2 KiB of JSON), ValueError or TypeError (what JSON cannot carry).
        """
        return self._state

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self.finish(state=state)

    def finish(
        self,
        summary: str | None = None,
        *,
        state: Mapping[str, Any] | None = None,
        alert: str | Mapping[str, str] | None = None,
        sleep: bool | None = None,
        output_uri: str | None = None,
    ) -> None:
        """Say how the run went; it does not end it. Said again, only what is given anew changes.

        `alert` is a message (a warning) or `{"severity": "critical", "message": "…"}`, cut at 512 bytes. `sleep`: a
        heartbeat found nothing to do. A result that is too long loses the end of its summary, never cost or state.
        Errors: as for `state`; TypeError, ValueError for what the operator would ignore.
        """
        said: Json = {}
        if summary is not None:
            said["summary"] = _clean(summary, _RESULT_BYTES)
        if alert is not None:
            said["alert"] = _alert(alert)
        if sleep is not None:
            said["sleep"] = bool(sleep)
        if output_uri is not None:
            said["outputURI"] = _uri(output_uri)
        kept = None if state is None else _state(state, min(_STATE_BYTES, self._room - _LEAST_ROOM))
        with _Change(self):
            if kept is not None:
                said["state"] = kept
                self._state = MappingProxyType(deepcopy(kept))
            self._said = {**self._said, **said}

    def __enter__(self) -> Run:  # noqa: PYI034 - Self is of Python 3.11
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, self._stop)
            self._listening = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._busy += 1  # from here on SIGTERM raises nothing
        if error is not None:
            self._failure = _describe(error, finished="summary" in self._said)
        self._write(final=True)
        if self._interrupted:
            self._write(final=True)
        if self._listening and signal.getsignal(signal.SIGTERM) == self._stop:
            signal.signal(signal.SIGTERM, self._handler if self._handler is not None else signal.SIG_DFL)

    def _stop(self, *_: object) -> None:
        """SIGTERM: the result first, for the agent may not get any further."""
        if os.getpid() != self._pid:  # a forked process, which ends as it would without us
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if self._stopped:
            os._exit(_EXIT_CODE)
        self._stopped = True
        if self._busy:  # then it is written, and raised, when that is done
            self._interrupted = True
            return
        self._write()
        raise DeadlineExceeded

    def _document(self) -> Json:
        """The result so far."""
        result = dict(self._said)
        if self._failure:
            result["summary"] = _clean(self._failure, _RESULT_BYTES)
        elif self._stopped and "summary" not in result:
            result["summary"] = "Stopped before it had finished, by its deadline or from outside."
        if self._cost is not None:
            result["costUSD"] = _plain_number(self._cost)
        if self.tokens:
            result["usage"] = self._tokens
        return result

    def _write(self, *, final: bool = False) -> None:
        """Write the result so far. What goes wrong is logged: the work matters more."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            result = self._document()
            if not result:
                return
            data, cut = _fit(result, self._room)
            try:
                _put(self._file, data, final=final)
            except OSError as error:
                _log(f"the result could not be written: {error}")
            if cut and final:
                _log(f"the result was longer than {self._room} bytes and was cut: {', '.join(cut)}")


class _Change:
    """A change of the result: one thread at a time, and whole before SIGTERM may interrupt it; then it is written."""

    def __init__(self, run: Run) -> None:
        if os.getpid() != run._pid:
            raise RuntimeError("this is a forked process: let it return what it has to say to the one with the Run")
        self._run = run
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        if self._main:
            self._run._busy += 1
        self._run._lock.acquire()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._run._write()
        self._run._lock.release()
        if self._main:
            self._run._busy -= 1
            if self._run._interrupted:
                self._run._interrupted = False
                self._run._write()
                raise DeadlineExceeded


# --- The context -----------------------------------------------------------------------------------------------------

_NAMES = {"id": "RUN_ID", "schedule": "SCHEDULE", "namespace": "NAMESPACE", "agent": "NAME"}


def _read_context() -> Json:
    """The context file; empty where none is named."""
    path = os.environ.get("AGENT_CONTEXT_FILE")
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            content = file.read(_CONTEXT_BYTES + 1)
        document = json.loads(content) if len(content) <= _CONTEXT_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise ContextError(f"the context file {path} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise ContextError(f"the context file {path} is not a JSON object of at most {_CONTEXT_BYTES} bytes")
    return document


def _get(values: Mapping[str, Any], key: str, kind: type[_T], default: _D) -> _T | _D:
    """A member of this type; the default where there is none."""
    value = values.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ContextError(f"{key} in the context is {type(value).__name__}, not {kind.__name__}")
    return value


def _texts(values: Mapping[str, Any], key: str) -> list[str]:
    texts = _get(values, key, list, [])
    if not all(isinstance(text, str) for text in texts):
        raise ContextError(f"{key} in the context is not a list of texts")
    return texts


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Z is read from Python 3.11 on
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError) as error:
        raise ContextError(f"a time in the context cannot be read: {error}") from None


def _previous(given: Json | None) -> Previous | None:
    if given is None:
        return None
    return Previous(
        run_id=_get(given, "runId", str, ""),
        phase=_get(given, "phase", str, ""),
        completed_at=_time(_get(given, "completedAt", str, None)),
        summary=_get(given, "summary", str, ""),
        state=MappingProxyType(_get(given, "state", dict, {})),
    )


# --- What the agent says ---------------------------------------------------------------------------------------------


def _money(value: Money, most: Decimal = _MOST_MONEY) -> Decimal:
    """US dollars."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise TypeError(f'an amount of money is a string such as "0.02" (or int, Decimal), not {type(value).__name__}')
    try:
        amount = Decimal(value)
    except decimal.InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= most:
        raise ValueError(f"an amount of money is a number from 0 to {most}, not {str(value)[:40]!r}")
    return abs(amount)


def _plain_number(amount: Decimal) -> str:
    """As a decimal string without exponent, with at most nine places."""
    return format(amount.quantize(Decimal("1e-9"), context=_ARITHMETIC).normalize(_ARITHMETIC), "f")


def _count(value: int) -> int:
    """A number of tokens."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"a number of tokens is an int, not {type(value).__name__}")
    if value < 0:
        raise ValueError(f"a number of tokens is never negative: {value}")
    return index(value)


def _clean(text: str, limit: int) -> str:
    """The text as the operator takes it: no control characters but newlines and tabs, at most so many bytes."""
    if not isinstance(text, str):
        raise TypeError(f"a text is needed, not {type(text).__name__}")
    kept = (text if text.isprintable() else "".join(c for c in text if c in "\n\t" or c.isprintable())).strip()
    data = kept.encode()
    return kept if len(data) <= limit else data[: limit - 3].decode(errors="ignore").rstrip() + "…"


def _alert(alert: str | Mapping[str, str]) -> Json:
    given: Mapping[str, str] = {"message": alert} if isinstance(alert, str) else alert
    if not isinstance(given, Mapping) or not {"message"} <= given.keys() <= {"message", "severity"}:
        raise TypeError('an alert is a message, or {"severity": …, "message": …}')
    severity = given.get("severity", "warning")
    if severity not in _SEVERITIES:
        raise ValueError(f"the severity of an alert is one of {', '.join(_SEVERITIES)}, not {severity!r}")
    return {"severity": severity, "message": _clean(given["message"], _ALERT_BYTES)}


def _uri(uri: str) -> str:
    if not isinstance(uri, str):
        raise TypeError(f"output_uri is a text, not {type(uri).__name__}")
    if len(uri) > _URI_BYTES or not _URI.fullmatch(uri) or uri.startswith(_ACTIVE_SCHEMES):
        raise ValueError(f"output_uri is not an absolute URI in ASCII of at most {_URI_BYTES} bytes: {uri[:80]!r}")
    return uri


def _state(state: Mapping[str, Any], limit: int) -> Json:
    """A copy of the state, which the next run will find just so."""
    if not isinstance(state, Mapping):
        raise TypeError(f"a state is a dict, not {type(state).__name__}")
    plain: Json = _plain(state, _STATE_DEPTH)
    size = len(_dump(plain))
    if size > limit:
        raise StateTooLarge(f"the state has {size} bytes as JSON, and at most {limit} are handed on to the next run")
    return plain


def _plain(value: Any, levels: int) -> Any:
    """Plain JSON without null members. What would not come back as it is, is refused."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, (int, float)):
        if abs(value) > _EXACT if isinstance(value, int) else not math.isfinite(value):
            raise ValueError(f"the state cannot carry the number {str(value)[:40]}: make it a text")
        return value
    if levels == 0:
        raise ValueError(f"the state is nested deeper than {_STATE_DEPTH} levels")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("the keys of a state are texts")
        return {_plain(key, 0): _plain(member, levels - 1) for key, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(member, levels - 1) for member in value]
    raise TypeError(f"the state cannot carry {type(value).__name__}: make it a text")


# --- Writing it ------------------------------------------------------------------------------------------------------


def _dump(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def _fit(result: Json, limit: int) -> tuple[bytes, list[str]]:
    """The result in so many bytes, and what was cut: the summary first, then the alert's message, then outputURI."""
    cut = []
    data = _dump(result)
    if len(data) > limit and "summary" in result:
        cut.append("summary")
        result = {**result, "summary": _shorten(result["summary"], len(data) - limit)}
        data = _dump(result)
    if len(data) > limit and "alert" in result:
        cut.append("alert")
        message = _shorten(result["alert"]["message"], len(data) - limit)
        result = {**result, "alert": {**result["alert"], "message": message}}
        data = _dump(result)
    if len(data) > limit and "outputURI" in result:
        cut.append("outputURI")
        data = _dump({key: value for key, value in result.items() if key != "outputURI"})
    return data, cut


def _shorten(text: str, excess: int) -> str:
    """The text without so many bytes of its JSON, cut between characters."""
    room = len(_dump(text)) - excess - len('""…'.encode())
    for place, character in enumerate(text):
        room -= len(_dump(character)) - 2
        if room < 0:
            return text[:place].rstrip() + "…" if place else ""
    return text


def _open_result() -> int | None:
    """The result file, opened once, so that later nothing can hinder writing it; None where none is named."""
    path = os.environ.get("AGENT_RESULT_FILE")
    if not path:
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise ContextError(f"the result file {path} cannot be written: {error}") from None


def _put(file: int | None, data: bytes, *, final: bool) -> None:
    """Replace what the file says, so that it is whole at every instant: a kill may come between any two calls.

    It is a mount, so it cannot be replaced by renaming; one write covers what was there, with spaces at its end.
    """
    if file is None:
        if final:
            _log(f"the result is {data.decode()}")
        return
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):  # a pipe or terminal, which keeps all that is written
        if final:
            os.write(file, data)
        return
    padded = data.ljust(min(status.st_size, _RESULT_BYTES))
    if os.pwrite(file, padded, 0) != len(padded):
        raise OSError("the disk is full")
    os.ftruncate(file, len(data))


def _log(text: str) -> None:
    """A line on stderr, past Python's buffers, which a signal handler must not enter."""
    with suppress(OSError):
        os.write(2, f"agentschedule: {text}\n".encode(errors="replace"))


# --- How it ended ----------------------------------------------------------------------------------------------------


def _describe(error: BaseException, *, finished: bool) -> str:
    """What the summary says of the exception that ended the run; nothing where the agent's own words hold."""
    if isinstance(error, DeadlineExceeded):
        return ""
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    numbered = isinstance(error, SystemExit) and isinstance(error.code, (int, type(None)))
    if isinstance(error, SystemExit) and numbered:
        return f"Ended with exit code {error.code}." if error.code and not finished else ""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - somebody else's class
        message = ""
    if isinstance(error, SystemExit):
        return message
    return f"{type(error).__name__}{_place(error.__traceback__)}" + (f": {message}" if message else "")


def _place(trace: TracebackType | None) -> str:
    """Where it happened: the innermost line of the agent's own code, rather than of a library."""
    own = innermost = None
    while trace is not None:
        innermost, path = trace, trace.tb_frame.f_code.co_filename
        library = path == __file__ or path.startswith((_LIBRARY, "<frozen"))
        if not library and "site-packages" not in path and "dist-packages" not in path:
            own = trace
        trace = trace.tb_next
    found = own or innermost
    if found is None:
        return ""
    code = found.tb_frame.f_code
    where = "" if code.co_name == "<module>" else f" in {code.co_name}"
    return f" at {Path(code.co_filename).name}:{found.tb_lineno}{where}"
