//! Value types with a grammar of their own: durations, sizes, shard counts, CPU lists, names of
//! nodes, path prefixes, host names.
//!
//! Each has one canonical spelling, so that a printed configuration loads as an equal one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::origin::{MAX_HOST, Origin, parse_port, split_host};
use super::value::{Element, Raw, Value, toml_string};
use crate::net::Net;

/// Longest duration: adding a year to an instant cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Units of a duration in milliseconds, longest first.
const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Units of a size in bytes, largest first.
const SIZE_UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
const DURATION: &str = "a duration above zero with its unit, such as 500ms, 30s, 10m or 1h";
/// Largest shard count, above the CPU count of any machine it is made for.
const MOST_SHARDS: u16 = 1024;
/// Largest CPU number that Linux supports on x86-64.
const LAST_CPU: usize = 8191;
/// Longest name of a node: a label of the DNS (RFC 1035 section 2.3.4), or a name with a few dots.
const LONGEST_NODE: usize = 64;

/// Splits "64KiB" into 64 and "KiB".
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit))
}

/// Parses a duration that may be zero; 0 alone needs no unit.
fn parse_duration(text: &str) -> Option<Duration> {
    let (count, unit) = split_unit(text)?;
    if unit.is_empty() && count == 0 {
        return Some(Duration::ZERO);
    }
    let (_, factor) = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_millis(count.checked_mul(factor)?))
}

/// Describes what is accepted, with a hint where only the unit is missing.
fn duration_accepted(raw: &Raw<'_>, accepted: &str) -> String {
    let bare = match raw {
        Raw::Integer(number) if *number > 0 => Some(number.to_string()),
        Raw::Text(text) | Raw::String(text) => split_unit(text)
            .filter(|(n, unit)| *n > 0 && unit.is_empty())
            .map(|(n, _)| n.to_string()),
        _ => None,
    };
    match bare {
        Some(number) => format!("{accepted}; for {number} seconds write {number}s"),
        None => format!("{accepted}, at most {}", spell_duration(LONGEST)),
    }
}

fn spell_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let unit = DURATION_UNITS
        .into_iter()
        .find(|(_, factor)| millis.is_multiple_of(*factor));
    let (name, factor) = unit.unwrap_or(("ms", 1));
    format!("{}{name}", millis / factor)
}

impl Value for Duration {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let duration = raw.as_text().and_then(parse_duration);
        duration
            .filter(|duration| (Duration::from_millis(1)..=LONGEST).contains(duration))
            .ok_or_else(|| duration_accepted(raw, DURATION))
    }

    fn accepts() -> String {
        String::from(DURATION)
    }

    fn write(&self) -> String {
        toml_string(&spell_duration(*self))
    }
}

/// Deadline that can be off: spelled `0`.
impl Value for Option<Duration> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let duration = match raw {
            Raw::Integer(0) => Some(Duration::ZERO),
            _ => raw.as_text().and_then(parse_duration),
        };
        match duration {
            Some(Duration::ZERO) => Ok(None),
            Some(duration) if duration <= LONGEST => Ok(Some(duration)),
            _ => Err(duration_accepted(raw, &Self::accepts())),
        }
    }

    fn accepts() -> String {
        format!("{DURATION}, or 0 for off")
    }

    fn write(&self) -> String {
        self.map_or_else(|| String::from("0"), |duration| duration.write())
    }
}

/// Size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

impl ByteSize {
    /// Size of `n` KiB, far below the overflow: `n` is a constant of the source.
    pub(super) const fn kib(n: usize) -> Self {
        Self(n * 1024)
    }

    /// Number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Value for ByteSize {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let parse = |text: &str| {
            let (count, unit) = split_unit(text)?;
            let factor = match unit {
                "" => 1,
                _ => SIZE_UNITS.into_iter().find(|(name, _)| *name == unit)?.1,
            };
            usize::try_from(count).ok()?.checked_mul(factor)
        };
        let bytes = match raw {
            Raw::Integer(bytes) => usize::try_from(*bytes).ok(),
            _ => raw.as_text().and_then(parse),
        };
        bytes.map(Self).ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        String::from("a size such as 64KiB, 1MiB or 4096 (bytes)")
    }

    fn write(&self) -> String {
        let fits = |(_, factor): &(&str, usize)| self.0 > 0 && self.0.is_multiple_of(*factor);
        match SIZE_UNITS.into_iter().find(fits) {
            Some((name, factor)) => toml_string(&format!("{}{name}", self.0 / factor)),
            None => self.0.to_string(),
        }
    }
}

/// Number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shards {
    /// One per allowed CPU.
    Auto,
    /// This number, from 1 to 1024.
    Count(u16),
}

impl Value for Shards {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        let count = match raw {
            Raw::Text("auto") | Raw::String("auto") => return Ok(Self::Auto),
            Raw::Text(text) => text.parse().ok(),
            Raw::Integer(count) => u16::try_from(*count).ok(),
            _ => None,
        };
        count
            .filter(|count| (1..=MOST_SHARDS).contains(count))
            .map(Self::Count)
            .ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        format!("auto, or a whole number from 1 to {MOST_SHARDS}")
    }

    fn write(&self) -> String {
        match self {
            Self::Auto => toml_string("auto"),
            Self::Count(count) => count.to_string(),
        }
    }
}

/// Set of CPU numbers; empty stands for every allowed one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuList(BTreeSet<usize>);

impl CpuList {
    /// Iterates over the CPU numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// Returns whether no CPU is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut cpus = BTreeSet::new();
        if text.trim().is_empty() {
            return Some(Self(cpus));
        }
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
            if first > last || last > LAST_CPU {
                return None;
            }
            cpus.extend(first..=last);
        }
        Some(Self(cpus))
    }
}

impl Value for CpuList {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        raw.as_text()
            .and_then(Self::parse)
            .ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        format!("CPU numbers and ranges such as \"0-3,8\", none above {LAST_CPU}")
    }

    fn write(&self) -> String {
        toml_string(&spell_cpus(self.iter()))
    }
}

/// Spells ascending CPU numbers as numbers and ranges: `0-3,8`.
pub fn spell_cpus(cpus: impl IntoIterator<Item = usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let spell = |(first, last): (usize, usize)| match first == last {
        true => format!("{first}"),
        false => format!("{first}-{last}"),
    };
    let ranges: Vec<String> = ranges.into_iter().map(spell).collect();
    ranges.join(",")
}

/// Name of a node; the default, which is empty, stands for the machine's host name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeName(String);

impl NodeName {
    /// Name as text; `None` if it was not set.
    pub fn as_str(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|name| !name.is_empty())
    }
}

impl Value for NodeName {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        // Routes and logs do not escape it.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        raw.as_text()
            .filter(|text| text.len() <= LONGEST_NODE && text.chars().all(plain))
            .map(|text| Self(text.to_owned()))
            .ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        format!("nothing, or up to {LONGEST_NODE} letters, digits, dots, hyphens and underscores")
    }

    fn write(&self) -> String {
        toml_string(&self.0)
    }
}

/// Prefix of every path, before `/ws`: empty, or `/a/b` without a slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// Prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for PathPrefix {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        // Unreserved characters of RFC 3986: nothing here ever needs percent-encoding.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let segment = |s: &str| !matches!(s, "" | "." | "..") && s.chars().all(plain);
        let valid = |text: &&str| {
            text.is_empty()
                || text
                    .strip_prefix('/')
                    .is_some_and(|rest| rest.split('/').all(segment))
        };
        raw.as_text()
            .filter(valid)
            .map(|text| Self(text.to_owned()))
            .ok_or_else(Self::accepts)
    }

    fn accepts() -> String {
        String::from(
            "nothing, or a path such as /terminal that begins with / and does not end with it",
        )
    }

    fn write(&self) -> String {
        toml_string(&self.0)
    }
}

/// Host name or address of the bridge, as clients spell it in `Host` or `Origin`, with an optional
/// port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// In lower case; an IPv6 address in its canonical spelling, in brackets.
    pub host: String,
    /// Port. `None` matches, of pages (`Origin`), those on the default port of their scheme; of
    /// requests (`Host`), those to any port, because a proxy may listen on another one.
    pub port: Option<u16>,
}

impl HostPort {
    /// Returns whether a page of `origin` is a page of this host.
    pub fn is_page(&self, origin: &Origin) -> bool {
        let port = self.port.unwrap_or(origin.scheme().port());
        self.host == origin.host() && port == origin.port()
    }
}

impl Element for HostPort {
    const ACCEPTS: &'static str = "a host name, alone or with a port such as ssh.example.org:8443";

    fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let is_name = |name: &str| (1..=MAX_HOST).contains(&name.len()) && name.chars().all(plain);
        let (host, port) = split_host(text, is_name)?;
        let port = match port {
            Some(digits) => Some(parse_port(digits)?),
            None => None,
        };
        Some(Self { host, port })
    }

    fn spell(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

impl Element for Net {
    const ACCEPTS: &'static str = "an IP address, or a network such as 10.0.0.0/8 or 2001:db8::/32";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn spell(&self) -> String {
        self.to_string()
    }
}
