//! A host planted in a directory: every file the doctor reads, as a good one has it, and each
//! test's own in their place.

mod checks;
mod parse;
mod report;

use super::facts::Facts;
use super::finding::Finding;
use super::report::Report;
use crate::config::Config;
use std::fs;
use std::path::Path;

/// A machine that `limits.max_connections` fits with everything else as it is.
const GOOD: &[(&str, &str)] = &[
    ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
    ("proc/sys/kernel/io_uring_disabled", "0\n"),
    (
        "proc/self/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \n\
         Max open files            1024                 524288               files     \n\
         Max locked memory         8388608              8388608              bytes     \n",
    ),
    (
        "proc/self/status",
        "Name:\tsshard\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n",
    ),
    ("proc/self/cgroup", "0::/system.slice/sshard.service\n"),
    (
        "proc/self/smaps",
        "0-1 r--p\nSize: 4 kB\nKernelPageSize:        4 kB\n",
    ),
    (
        "proc/meminfo",
        "MemTotal:       16384000 kB\nMemFree:  1 kB\n",
    ),
    ("proc/sys/vm/max_map_count", "65530\n"),
    ("proc/sys/net/core/somaxconn", "4096\n"),
    ("proc/sys/net/ipv4/tcp_max_syn_backlog", "1024\n"),
    ("proc/sys/net/ipv4/tcp_syncookies", "1\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("proc/sys/net/ipv4/tcp_mem", "191000\t254000\t2000000\n"),
    ("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"),
    ("proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n"),
    ("sys/devices/system/node/node0/cpulist", "0-1\n"),
    (
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
        "0\n",
    ),
    (
        "sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
        "1\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "performance\n",
    ),
    (
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
        "performance\n",
    ),
    ("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n"),
    (
        "sys/fs/cgroup/system.slice/sshard.service/cpu.max",
        "max 100000\n",
    ),
    (
        "sys/fs/cgroup/system.slice/sshard.service/memory.max",
        "max\n",
    ),
    (
        "sys/fs/cgroup/system.slice/sshard.service/pids.max",
        "4915\n",
    ),
];

/// Facts of a good host with these files in place of its own.
fn planted(files: &[(&str, &str)]) -> Facts {
    let root = tempfile::tempdir().unwrap();
    plant(root.path(), GOOD);
    plant(root.path(), files);
    Facts::read(root.path())
}

fn plant(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn report(facts: &Facts, sessions: Option<u32>) -> Report {
    super::examine(facts, &Config::default(), sessions).unwrap()
}

fn found<'a>(report: &'a Report, name: &str) -> &'a Finding {
    let found = report.checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

fn examine_with(facts: &Facts, config: &Config) -> Result<Report, super::DoctorError> {
    super::examine(facts, config, None)
}
