//! Facts of the host: the files of `/proc` and `/sys`, below any directory, so that tests plant a
//! tree. Checks nothing; a file that cannot be read is None.

use super::parse::{self, Limit, Rlimit};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Bytes read of a file: in the longest ones the fields in question are at the beginning.
const MAX_FILE: u64 = 256 * 1024;

/// Largest number of NUMA nodes that are read.
const MAX_NODES: usize = 1024;

/// Facts of the host.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Release of the kernel.
    pub(super) release: Option<String>,
    /// `kernel.io_uring_disabled`; absent before Linux 6.6.
    pub(super) io_uring_disabled: Option<u64>,
    /// Outcome of making a ring; None if it was not tried.
    pub(super) ring: Option<Result<(), String>>,
    pub(super) memlock: Option<Rlimit>,
    pub(super) nofile: Option<Rlimit>,
    pub(super) max_map_count: Option<u64>,
    pub(super) somaxconn: Option<u64>,
    pub(super) max_syn_backlog: Option<u64>,
    pub(super) syncookies: Option<u64>,
    /// First and last local port.
    pub(super) port_range: Option<[u64; 2]>,
    /// Thresholds in pages: TCP does not moderate its memory below the first, and drops packets
    /// above the last (tcp(7)).
    pub(super) tcp_mem: Option<[u64; 3]>,
    /// Least, default and largest size of one socket's buffer, in bytes.
    pub(super) tcp_rmem: Option<[u64; 3]>,
    pub(super) tcp_wmem: Option<[u64; 3]>,
    /// Size in bytes.
    pub(super) page_size: Option<u64>,
    /// Memory of the machine, in bytes.
    pub(super) memory: Option<u64>,
    /// CPUs this process may use.
    pub(super) allowed_cpus: Option<Vec<usize>>,
    /// NUMA nodes that have CPUs, and these.
    pub(super) nodes: BTreeMap<usize, Vec<usize>>,
    /// For each allowed CPU: itself and those it shares a core with.
    pub(super) siblings: BTreeMap<usize, Vec<usize>>,
    /// For each allowed CPU that has one.
    pub(super) governors: BTreeMap<usize, String>,
    pub(super) cgroup: Option<Cgroup>,
}

/// The limits of the process's cgroup (version 2) and all above it; None inside is unlimited.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cgroup {
    /// Quota in thousandths of a CPU.
    pub(super) cpu: Limit,
    /// Limit in bytes.
    pub(super) memory: Limit,
    /// Limit of processes and threads.
    pub(super) pids: Limit,
}

impl Facts {
    /// Reads everything but `ring` below `root`.
    pub(super) fn read(root: &Path) -> Self {
        let tree = Tree(root);
        let sysctl = |name: &str| tree.parsed(format!("proc/sys/{name}"), parse::number);
        let tcp = |name: &str| tree.parsed(format!("proc/sys/net/ipv4/{name}"), parse::numbers);
        let limits = tree.text("proc/self/limits").unwrap_or_default();
        let allowed_cpus = tree.parsed("proc/self/status", |text| {
            parse::cpu_list(parse::field(text, "Cpus_allowed_list")?)
        });
        let cpus = allowed_cpus.as_deref().unwrap_or_default();
        Self {
            release: tree.parsed("proc/sys/kernel/osrelease", |text| {
                Some(text.trim().to_owned())
            }),
            io_uring_disabled: sysctl("kernel/io_uring_disabled"),
            ring: None,
            memlock: parse::rlimit(&limits, "Max locked memory"),
            nofile: parse::rlimit(&limits, "Max open files"),
            max_map_count: sysctl("vm/max_map_count"),
            somaxconn: sysctl("net/core/somaxconn"),
            max_syn_backlog: sysctl("net/ipv4/tcp_max_syn_backlog"),
            syncookies: sysctl("net/ipv4/tcp_syncookies"),
            port_range: tree.parsed("proc/sys/net/ipv4/ip_local_port_range", parse::numbers),
            tcp_mem: tcp("tcp_mem"),
            tcp_rmem: tcp("tcp_rmem"),
            tcp_wmem: tcp("tcp_wmem"),
            page_size: tree.parsed("proc/self/smaps", |text| {
                parse::kib_field(text, "KernelPageSize")
            }),
            memory: tree.parsed("proc/meminfo", |text| parse::kib_field(text, "MemTotal")),
            nodes: tree.nodes(),
            siblings: tree.of_cpus(cpus, "topology/thread_siblings_list", parse::cpu_list),
            governors: tree.of_cpus(cpus, "cpufreq/scaling_governor", |text| {
                Some(text.trim().to_owned())
            }),
            cgroup: tree.cgroup(),
            allowed_cpus,
        }
    }
}

/// Value of a file of a cgroup.
type Parser = fn(&str) -> Option<Limit>;

struct Tree<'a>(&'a Path);

impl Tree<'_> {
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let file = File::open(self.0.join(path)).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn parsed<T>(&self, path: impl AsRef<Path>, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        parse(&self.text(path)?)
    }

    fn of_cpus<T>(
        &self,
        cpus: &[usize],
        file: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> BTreeMap<usize, T> {
        let found = cpus.iter().filter_map(|cpu| {
            let path = format!("sys/devices/system/cpu/cpu{cpu}/{file}");
            Some((*cpu, self.parsed(path, &parse)?))
        });
        found.collect()
    }

    fn nodes(&self) -> BTreeMap<usize, Vec<usize>> {
        let folder = Path::new("sys/devices/system/node");
        let entries = fs::read_dir(self.0.join(folder)).into_iter();
        let entries = entries.flatten().flatten();
        let nodes = entries.take(MAX_NODES).filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("node")?.parse().ok()?;
            let list = self.parsed(folder.join(&name).join("cpulist"), parse::cpu_list)?;
            Some((number, list))
        });
        nodes.collect()
    }

    /// None where there is no version 2 of cgroups.
    fn cgroup(&self) -> Option<Cgroup> {
        let top = PathBuf::from("sys/fs/cgroup");
        self.text(top.join("cgroup.controllers"))?;
        let own = self.text("proc/self/cgroup")?;
        let mut limits = Cgroup::default();
        let mut folder = top;
        self.tighten(&mut limits, &folder);
        // With a path out of its namespace (`/../x`) the top is all that can be seen.
        for part in Path::new(parse::cgroup_path(&own)?).components() {
            let Component::Normal(part) = part else { break };
            folder.push(part);
            self.tighten(&mut limits, &folder);
        }
        Some(limits)
    }

    fn tighten(&self, limits: &mut Cgroup, folder: &Path) {
        let Cgroup { cpu, memory, pids } = limits;
        let cells: [(&mut Limit, &str, Parser); 3] = [
            (cpu, "cpu.max", parse::cpu_quota),
            (memory, "memory.max", parse::cgroup_limit),
            (pids, "pids.max", parse::cgroup_limit),
        ];
        for (limit, file, parse) in cells {
            if let Some(Some(here)) = self.parsed(folder.join(file), parse) {
                *limit = Some(limit.map_or(here, |above| above.min(here)));
            }
        }
    }
}
