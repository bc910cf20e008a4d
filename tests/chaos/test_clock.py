"""The operator's clock is set an hour ahead, or back."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.chaos.conftest import Form
from tests.chaos.scene import Scene

HOUR = 3600
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* CLOCK_REALTIME as in a file: so many seconds ahead of the machine's own. Others are left alone. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static volatile long *ahead;
    if (!real) {
        real = dlsym(RTLD_NEXT, "clock_gettime");
        int file = open(getenv("CLOCK_AHEAD"), O_RDONLY);
        ahead = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    }
    int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += *ahead;
    return result;
}
"""


class Clock:
    """The wall clock of processes that are given its `environment`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        assert compiler, "a C compiler is needed to set the operator's clock (Debian: apt-get install gcc)"
        source, library, self._file = folder / "clock.c", folder / "clock.so", folder / "ahead"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self._file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self._file)}

    def set(self, seconds: int) -> None:
        """Set it so far ahead of the machine's, or behind."""
        with self._file.open("r+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


def test_the_clock_goes_back_and_is_put_right(scene: Scene, clock: Clock, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(environment=clock.environment)
    scene.settle_in()
    seconds = form.take(5, 40)
    with scene.fault("clock set back", f"by 1 h, put right after {seconds:g} s"):
        clock.set(-HOUR)
        time.sleep(seconds)
        clock.set(0)
    scene.check()


def test_the_clock_goes_ahead_and_stays_there(scene: Scene, clock: Clock) -> None:
    scene.sow_kinds()
    scene.operator(environment=clock.environment)
    scene.settle_in()
    with scene.fault("clock set ahead", "by 1 h"):
        clock.set(HOUR)
        scene.ahead = HOUR
    scene.check()


def test_the_clock_goes_ahead_and_is_put_right(scene: Scene, clock: Clock, form: Form) -> None:
    """What it took for due is done with: the hour is not run again. What is new runs."""
    scene.sow_kinds()
    scene.operator(environment=clock.environment)
    scene.settle_in()
    seconds = form.take(4, 20)
    with scene.fault("clock set ahead and put right", f"by 1 h for {seconds:g} s"):
        clock.set(HOUR)
        time.sleep(seconds)
        clock.set(0)
    time.sleep(1)  # a Job may be on its way
    scene.forget_watched()
    before = set(scene.history.created(scene.namespace))
    scene.sow("new", 2, watched=True, every="1s", concurrencyPolicy="Allow")
    scene.settle_in()
    scene.normal_again()
    created = set(scene.history.created(scene.namespace)) - before
    assert {name for name in created if not name.startswith("new-")} == set()
    with scene.fault("", "later set ahead again"):
        clock.set(HOUR)
        scene.ahead = HOUR
    scene.check()
