//! Parsers of the texts of `/proc` and `/sys`. Pure; an unexpected text is None.

/// More CPUs than Linux can be built for.
const MAX_CPUS: usize = 8192;

/// Returns the one number of a file.
pub(super) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Returns the first `N` numbers of a line such as `4096 131072 6291456`.
pub(super) fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    let words = text.split_whitespace().map(|word| word.parse().ok());
    let numbers: Vec<u64> = words.take(N).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Returns the first two numbers of a kernel's release, such as `6.1.0-18-amd64`.
pub(super) fn release(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.trim().split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let minor = rest.get(..digits.unwrap_or(rest.len()))?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Limit; None inside is unlimited.
pub(super) type Limit = Option<u64>;

/// A soft and a hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rlimit {
    pub(super) soft: Limit,
    pub(super) hard: Limit,
}

/// Returns the limits of the line that begins with `name` in `/proc/self/limits`.
pub(super) fn rlimit(text: &str, name: &str) -> Option<Rlimit> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let mut words = line.split_whitespace();
    Some(Rlimit {
        soft: limit(words.next()?, "unlimited")?,
        hard: limit(words.next()?, "unlimited")?,
    })
}

/// Returns the number of a file of a cgroup, which may be `max`.
pub(super) fn cgroup_limit(text: &str) -> Option<Limit> {
    limit(text.trim(), "max")
}

fn limit(word: &str, none: &str) -> Option<Limit> {
    if word == none {
        return Some(None);
    }
    word.parse().ok().map(Some)
}

/// Returns `cpu.max` in thousandths of a CPU, such as `150000 100000` for 1500.
pub(super) fn cpu_quota(text: &str) -> Option<Limit> {
    let mut words = text.split_whitespace();
    let Some(quota) = limit(words.next()?, "max")? else {
        return Some(None);
    };
    let period: u64 = words.next()?.parse().ok()?;
    quota.checked_mul(1000)?.checked_div(period).map(Some)
}

/// Returns the path of the process's cgroup (version 2) in `/proc/self/cgroup`.
pub(super) fn cgroup_path(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::/"))
}

/// Returns a list such as `0-3,8`, ascending as the kernel writes it.
pub(super) fn cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= MAX_CPUS || cpus.len() > MAX_CPUS {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// Returns the text behind `Name:` in files such as `/proc/self/status` and `/proc/meminfo`.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    text.lines().find_map(value).map(str::trim)
}

/// Returns a [`field`] of kibibytes, in bytes.
pub(super) fn kib_field(text: &str, name: &str) -> Option<u64> {
    let kib: u64 = field(text, name)?.strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
