"""Memory per session: idle, after output, stalled."""

import time

import generator
import memory_slope

from .base import CONTROL, SSHARD, Budget, Figure, Row


def slope(setting, who):
    steps = [0, *(setting.sessions(full) for full in (1000, 2000, 4000, 8000))]

    def at(count):
        with setting.bridge(who) as bridge:
            return memory_slope.at(bridge, count, setting.pick(3, 1))

    # Steps that the machine limits to the same size are measured once.
    found = memory_slope.slopes([at(count) for count in sorted(set(steps))])
    return {"PSS per session": found["pss_kib_per_session"],
            "kernel, machine, per session": found["kernel_kib_per_session"]}


def after_output(setting, who):
    """Compares sessions that printed 1 KiB a minute ago with those that printed 1 MiB."""
    user = "burst-1024" if who == "after" else "burst-1"
    with setting.bridge() as bridge:
        report = generator.run(bridge, "idle-hold", user=user, sessions=setting.sessions(1000), warm_up="0s",
                               duration=f"{setting.pick(60, 1)}s")
    return {"PSS per session": report["bridge"]["pss_per_session_kib"]}


def stalled(setting, who):
    """Measures each number of sessions half way through the hold, in a new process."""
    count, seconds = setting.sessions(100), setting.pick(10, 2)
    at_rest = {}
    for scenario, more in (("idle-hold", {"user": "burst-1"}), ("slow-reader", {"bytes_per_second": 0})):
        with setting.bridge(who) as bridge:
            with generator.established(bridge, scenario, count, warm_up="0s", duration=f"{seconds}s", **more) as load:
                time.sleep(seconds / 2)
                at_rest[scenario] = bridge.memory()["Pss"]
                load.finish()
    return {"PSS above idle": (at_rest["slow-reader"] - at_rest["idle-hold"]) / count}


ROWS = (
    Row("slope", "idle sessions, to 8,000", slope, (SSHARD, CONTROL),
        (Figure("PSS per session", "KiB", (Budget(0.95, 0.8, CONTROL),)),
         Figure("kernel, machine, per session", "KiB")), 130, 1),
    Row("after-output", "1,000 sessions, 60 s after 1 MiB of output each, and idle", after_output, ("after", "idle"),
        (Figure("PSS per session", "KiB", (Budget(1.6, 1.1, "idle"),)),), 75, 2),
    Row("stalled", "100 sessions whose readers have stopped, under a flood", stalled, (SSHARD,),
        (Figure("PSS above idle", "KiB", (Budget(160, 96),)),), 32, 3),
)
