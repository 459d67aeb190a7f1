//! CPU time, memory, threads, descriptors and context switches of the bridge, read from /proc; and
//! the kernel's memory for TCP.

use std::fs;
use std::io;
use std::time::Duration;

/// Sample of a process. Processor time and switches count from its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Sample {
    /// Time in user space, of all threads including those that have ended.
    pub user: Duration,
    /// Time in the kernel, of the same threads.
    pub system: Duration,
    /// Time on a processor of the live threads, in nanoseconds; None where the kernel does not
    /// report it.
    pub running: Option<Duration>,
    /// Proportional set size, KiB; None when memory was not sampled.
    pub pss_kib: Option<u64>,
    /// Resident set size, KiB.
    pub rss_kib: Option<u64>,
    /// Number of threads.
    pub threads: usize,
    /// Open file descriptors.
    pub files: usize,
    /// Context switches of the live threads: voluntary, involuntary.
    pub switches: (u64, u64),
}

impl Sample {
    /// Processor time, from the most exact counter available.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.running.unwrap_or(self.user + self.system)
    }
}

/// Samples one process.
#[derive(Debug, Clone)]
pub struct Meter {
    directory: String,
    tick: Duration,
}

impl Meter {
    /// Meter of the process `pid`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(pid: u32) -> io::Result<Self> {
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let meter = Self {
            directory: format!("/proc/{pid}"),
            tick: Duration::from_secs(1) / u32::try_from(per_second).unwrap_or(100),
        };
        meter.sample(false)?;
        Ok(meter)
    }

    /// Takes a sample; of memory only with `memory`, because the kernel then walks every page of
    /// the process while it stands still.
    ///
    /// # Errors
    /// When the process is gone or may not be read.
    pub fn sample(&self, memory: bool) -> io::Result<Sample> {
        let stat = fs::read_to_string(format!("{}/stat", self.directory))?;
        let (user, system) = stat_ticks(&stat).ok_or_else(|| unexpected_format("stat"))?;
        let mut sample = Sample {
            user: self.tick.saturating_mul(user),
            system: self.tick.saturating_mul(system),
            files: fs::read_dir(format!("{}/fd", self.directory))?.count(),
            ..Sample::default()
        };
        if memory {
            let rollup = fs::read_to_string(format!("{}/smaps_rollup", self.directory))?;
            sample.pss_kib = field(&rollup, "Pss:");
            sample.rss_kib = field(&rollup, "Rss:");
        }
        for task in fs::read_dir(format!("{}/task", self.directory))? {
            let task = task?.path();
            sample.threads += 1;
            // A thread may end meanwhile.
            let Ok(status) = fs::read_to_string(task.join("status")) else {
                continue;
            };
            sample.switches.0 += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
            sample.switches.1 += field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
            if let Ok(stat) = fs::read_to_string(task.join("schedstat"))
                && let Some(running) = schedstat_running(&stat)
            {
                sample.running = Some(sample.running.unwrap_or_default() + running);
            }
        }
        Ok(sample)
    }
}

/// Bytes of kernel memory in the buffers of all TCP sockets of this network namespace.
///
/// # Errors
/// When /proc/net/sockstat cannot be read.
pub fn socket_memory() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/net/sockstat")?;
    let pages = sockstat_pages(&text).ok_or_else(|| unexpected_format("sockstat"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

fn unexpected_format(file: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("/proc: {file} has an unexpected format"),
    )
}

/// `utime` and `stime` of proc_pid_stat(5), counted from behind the name, which may hold anything.
fn stat_ticks(stat: &str) -> Option<(u32, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Time on a processor: the first number, in nanoseconds.
fn schedstat_running(stat: &str) -> Option<Duration> {
    let nanos = stat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Number after `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn sockstat_pages(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "mem")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_process_name() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 77 33 0 0 20 0 5 0 100";
        for name in ["sshard", "a b", "x) R 1 (y", ")"] {
            let stat = format!("123 ({name}) {tail}");
            assert_eq!(stat_ticks(&stat), Some((77, 33)), "{name}");
        }
        for stat in [
            "",
            "1 (x",
            "1 (x) S 1 2",
            "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b",
        ] {
            assert_eq!(stat_ticks(stat), None, "{stat:?}");
        }
    }

    #[test]
    fn fields_of_the_other_files_are_parsed() {
        let rollup = "7f00-7fff ---p 00000000 00:00 0 [rollup]\nRss:    1200 kB\nPss:     900 kB\nPss_Dirty: 5 kB\n";
        assert_eq!(field(rollup, "Pss:"), Some(900));
        assert_eq!(field(rollup, "Rss:"), Some(1200));
        assert_eq!(field(rollup, "Swap:"), None);
        let sockstat =
            "sockets: used 290\nTCP: inuse 5 orphan 0 tw 12 alloc 8 mem 31\nUDP: inuse 1 mem 2\n";
        assert_eq!(sockstat_pages(sockstat), Some(31));
        assert_eq!(sockstat_pages("UDP: inuse 1 mem 2\n"), None);
        let running = Some(Duration::from_nanos(1234));
        assert_eq!(schedstat_running("1234 55 9\n"), running);
        assert_eq!(schedstat_running(""), None);
    }

    #[test]
    fn samples_of_this_process_increase() {
        let meter = Meter::new(std::process::id()).unwrap();
        let before = meter.sample(true).unwrap();
        assert!(before.threads >= 1 && before.files >= 3);
        assert!(before.rss_kib.unwrap() >= before.pss_kib.unwrap());
        // Until the clock of the coarsest counter has moved.
        let mut sum = 0_u64;
        loop {
            sum = std::hint::black_box(sum.wrapping_add(1));
            if sum.is_multiple_of(1_000_000) && meter.sample(false).unwrap().cpu() > before.cpu() {
                break;
            }
        }
        assert!(meter.sample(false).unwrap().pss_kib.is_none());
        assert!(socket_memory().is_ok());
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        assert!(Meter::new(0).is_err());
    }
}
