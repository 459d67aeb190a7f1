"""Sessions: set-up, placement, idle CPU."""

import json
import urllib.request

import generator
from loopback import settings

from .base import CONTROL, SSHARD, Budget, Figure, Row


def set_up(setting, who):
    """Measures from the TCP connection to `ready`; closing is not included."""
    flags = {"sessions": setting.sessions(500), "rate": setting.pick(100, 20)}
    with setting.bridge(who) as bridge:
        # The first sessions also pay for memory that later ones reuse.
        generator.run(bridge, "connect-storm", **flags)
        report = generator.run(bridge, "connect-storm", **flags)
    return {"CPU per set-up": report["bridge"]["cpu_us_per_answer"], "set-up p99": report["set_up"]["p99"] / 1000}


def idle_cpu(setting, who):
    pings = settings({"websocket.ping_interval": "30s", "ssh.keepalive_interval": "60s"})
    with setting.bridge(who, more=pings) as bridge:
        report = generator.run(bridge, "idle-hold", sessions=setting.sessions(8000), warm_up=f"{setting.pick(60, 1)}s",
                               duration=f"{setting.pick(120, 1)}s")
    return {"CPU": report["bridge"]["cpu_percent"]}


def placement(setting, who):
    count = setting.sessions(1000, 6)
    with setting.bridge(who, shards=2) as bridge:
        duration = f"{setting.pick(5, 3)}s"
        with generator.established(bridge, "idle-hold", count, warm_up="0s", duration=duration) as load:
            with urllib.request.urlopen(f"http://127.0.0.1:{bridge.admin_port}/stats", timeout=10) as answer:
                shards = [shard["connections"] for shard in json.load(answer)["shards"]]
            load.finish()
    if sum(shards) != count:
        raise SystemExit(f"{shards} sessions on the shards, of {count}")
    return {"max - min": max(shards) - min(shards)}


ROWS = (
    Row("setup", "500 set-ups", set_up, (SSHARD, CONTROL),
        (Figure("CPU per set-up", "us", (Budget(1.0, 0.9, CONTROL),)), Figure("set-up p99", "ms")), 14),
    Row("idle-cpu", "8,000 idle sessions, ping 30 s, keep-alive 60 s", idle_cpu, (SSHARD,),
        (Figure("CPU", "% of a core", (Budget(1.5, 1),)),), 270, 2),
    Row("placement", "1,000 sessions on two shards", placement, (SSHARD,),
        (Figure("max - min", "sessions", (Budget(1, 0),)),), 20),
)
