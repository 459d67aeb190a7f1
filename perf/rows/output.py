"""Output of one session: CPU per GiB, in large packets and through a terminal."""

import os

import generator
from loopback import ACCOUNT

from .base import CONTROL, SSH, SSHARD, Budget, Figure, Row

GIB_OF_MIB = 1024


def of_ssh(process, expected):
    """CPU seconds of an `ssh` whose output is read to its end."""
    got = 0
    while chunk := process.stdout.read(256 * 1024):
        got += len(chunk)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if got != expected or process.returncode:
        raise SystemExit(f"{got} bytes through ssh instead of {expected}; it ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def of_bridge(setting, who, server, mib, **flags):
    with setting.bridge(who, server) as bridge:
        report = generator.run(bridge, "bulk-output", sessions=1, mib=mib, **flags)
    # With `--user` the generator does not check the amount.
    if report["output_bytes"] != mib << 20:
        raise SystemExit(f"{report['output_bytes']} bytes through {who} instead of {mib} MiB")
    return report["bridge"]["cpu_ms"] / 1000


def bulk(setting, who):
    mib = setting.pick(512, 4)
    if who == SSH:
        used = of_ssh(setting.server("sink").ssh(f"bulk-{mib}"), mib << 20)
    else:
        used = of_bridge(setting, who, "sink", mib)
    return {"CPU per GiB": used * GIB_OF_MIB / mib}


def pty(setting, who):
    mib = setting.pick(256, 2)
    sshd, command = setting.server("sshd"), f"stty raw; exec head -c {mib}M /dev/zero"
    if who == SSH:
        used = of_ssh(sshd.ssh(command), mib << 20)
    else:
        used = of_bridge(setting, who, "sshd", mib, user=ACCOUNT, private_key=sshd.folder / "user", command=command)
    return {"CPU per GiB": used * GIB_OF_MIB / mib}


ROWS = (
    Row("bulk", "output of one session, large packets, aes256-gcm", bulk, (SSHARD, CONTROL, SSH),
        (Figure("CPU per GiB", "s", (Budget(1.0, 0.8, CONTROL),)),), 6),
    Row("pty", "output of one session, PTY of a real sshd, aes256-gcm", pty, (SSHARD, CONTROL, SSH),
        (Figure("CPU per GiB", "s", (Budget(0.6, 0.5, SSH),)),), 8),
)
