"""Keystrokes: their CPU and echo time, without and beside other load."""

import generator
from loopback import most_sessions

from .base import CONTROL, SSHARD, UNPINNED, Budget, Figure, Row

MS = 1000


def typed(setting, bridge, sessions, rate, seconds, **flags):
    """Runs typing after a warm-up and returns its report."""
    return generator.run(bridge, "typing", sessions=sessions, rate=rate, duration=f"{seconds}s",
                         warm_up=f"{setting.pick(3, 1)}s", **flags)


def echo(report):
    return {
        "echo p50": report["latency"]["p50"] / MS,
        "echo p99": report["latency"]["p99"] / MS,
        "generator late p99": report["lateness"]["p99"] / MS,
    }


def typing(rate, sessions=500, seconds=15, **flags):
    def measure(setting, who):
        with setting.bridge(who) as bridge:
            report = typed(setting, bridge, setting.sessions(sessions, min(sessions, 5)), rate,
                           setting.pick(seconds, 2), **flags)
        return per_key(report)

    return measure


def of_two_shards(rate):
    """Pins only the shards; worker threads, sink and generator may move."""
    def measure(setting, who):
        with setting.bridge(who, UNPINNED, shards=2) as bridge:
            report = typed(setting, bridge, setting.sessions(500), rate, setting.pick(15, 1), cpus=None)
        return per_key(report)

    return measure


def per_key(report):
    return {"CPU per keystroke": report["bridge"]["cpu_us_per_answer"], **echo(report)}


def noisy(setting, who):
    with setting.bridge(who) as bridge:
        report = generator.run(bridge, "noisy-neighbour", sessions=setting.sessions(500), rate=4,
                               flooders=setting.pick(10, 1), duration=f"{setting.pick(15, 1)}s",
                               warm_up=f"{setting.pick(3, 1)}s")
    return {
        "beside / quiet": report["figures"]["p99 beside / quiet"],
        "p99 quiet": report["named"]["quiet"]["p99"] / MS,
        "p99 beside": report["latency"]["p99"] / MS,
        "generator late p99": report["lateness"]["p99"] / MS,
    }


def beside_set_ups(setting, who):
    count, seconds = setting.sessions(500), setting.pick(15, 1)
    with setting.bridge() as bridge:
        if who == "quiet":
            return echo(typed(setting, bridge, count, 4, seconds))
        # Typing starts first; the set-ups last until it is done.
        typists = generator.established(bridge, "typing", count, rate=4, duration=f"{seconds}s",
                                        warm_up=f"{setting.pick(6, 2)}s")
        with typists as load:
            churn = generator.under_way(bridge, "churn", rate=setting.pick(50, 10), sessions=500, warm_up="0s",
                                        duration=f"{seconds + setting.pick(7, 3)}s")
            with churn as set_ups:
                report = load.finish()
                set_ups.finish()
    return echo(report)


def crowd(setting, who):
    """The same keys per second, of many sessions and of few."""
    keys, many = setting.pick(500, 20), setting.sessions(9500, fit=most_sessions())
    count = many if who == "many" else min(100, many)
    with setting.bridge(sessions=many) as bridge:
        report = typed(setting, bridge, count, keys / count, setting.pick(20, 1))
    return {**echo(report), "sessions held": report["most_live"]}


def versus_control(must, aim):
    return (Budget(must, aim, CONTROL),)


def cpu(must, aim):
    return Figure("CPU per keystroke", "us", versus_control(must, aim))


LATE = Figure("generator late p99", "ms")
ECHO = (Figure("echo p50", "ms", versus_control(1.0, 0.8)), Figure("echo p99", "ms", versus_control(1.0, 0.8)), LATE)
TIMES = (Figure("echo p50", "ms"), Figure("echo p99", "ms"), LATE)
BESIDE = (Figure("echo p50", "ms"), Figure("echo p99", "ms", (Budget(3, 2, "quiet"),)), LATE)
ROWS = (
    Row("typing20", "500 sessions x 20 keys/s", typing(20), (SSHARD, CONTROL), (cpu(1.0, 0.85), *ECHO), 25),
    Row("typing4", "500 sessions x 4 keys/s", typing(4), (SSHARD, CONTROL), (cpu(1.0, 0.85), *TIMES), 25),
    Row("few", "100 sessions x 4 keys/s", typing(4, 100), (SSHARD, CONTROL), (cpu(1.0, 0.85), *TIMES), 22),
    # At constant intervals, so that each key wakes the bridge. The figure is of 120 keys.
    Row("lone", "one session, 2 keys/s", typing(2, 1, 60, arrival="constant"), (SSHARD, CONTROL),
        (cpu(1.0, 0.85), *TIMES), 67),
    Row("two-shards20", "500 sessions x 20 keys/s, two shards and two worker threads, nothing pinned but the shards",
        of_two_shards(20), (SSHARD, CONTROL), (cpu(0.95, 0.8), *TIMES), 25),
    Row("two-shards4", "500 sessions x 4 keys/s, two shards and two worker threads, nothing pinned but the shards",
        of_two_shards(4), (SSHARD, CONTROL), (cpu(0.95, 0.8), *TIMES), 25),
    Row("noisy", "500 typists x 4 keys/s beside 10 flooding sessions, one shard", noisy, (SSHARD,),
        (Figure("beside / quiet", "x", (Budget(3, 2),)), Figure("p99 quiet", "ms"), Figure("p99 beside", "ms"),
         LATE), 50),
    Row("set-ups", "500 typists x 4 keys/s during 50 set-ups/s", beside_set_ups, ("during", "quiet"), BESIDE, 30),
    Row("crowd", "9,500 sessions in one process, and 100, both 500 keys/s", crowd, ("many", "few"),
        (Figure("sessions held", "", (Budget(9500, 9900, least=True),)), Figure("echo p50", "ms"),
         Figure("echo p99", "ms", (Budget(2, None, "few"),)), LATE), 90, 2),
)
