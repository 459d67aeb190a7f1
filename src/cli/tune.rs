//! Flags of `sshard tune`, and its help on how it measures and chooses.

use crate::config::Placement;
use clap::Args;
use std::time::Duration;

/// Range of the time measured at once.
const DURATIONS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(60);

const METHOD: &str = "\
How it measures:
  Every setting, that is a number of shards and a placement, has a bridge of its own in a child
  process, new in each round. Every number up to 8 is tried, from there on in steps of a quarter;
  with one shard there is nothing to place. Rounds go forth and back (1 2 4, 4 2 1, ...), so that
  what the machine does meanwhile falls on all. In a round each bridge is put under three loads,
  one after the other:
    connect  waves of --sessions connections at once, from TCP to a terminal: sessions/s
    typing   --sessions users who press 10 keys a second each: p50 and p99 of the echo, counted
             from when the key was due; the bridge's processor time per session
    bulk     waves of sessions that take 16 MiB each: MiB/s
  A figure is the median over the rounds, and behind ± is its noise: the spread of the middle half of
  the rounds, relative to the median. Processor time is the bridge's alone, from /proc.

How it chooses:
  The fewest shards, under either placement, whose sessions/s and MiB/s are both within 5 % of the
  best. Two settings are compared round by round, and the median of the ratios counts, since what
  else the machine does falls on both in one round alike. If no number of shards is that close in
  both, the one whose larger gap is smallest is chosen. Of two placements with the same number of
  shards, balanced is chosen (or the first --placement), unless the other is clearly better (by more
  than 5 % and the noise) in sessions/s, MiB/s or processor time for typing, and not more than 5 %
  worse in sessions/s or MiB/s.
  Latency is shown and does not count: at this load it is the generator's as much as the bridge's.
  A setting with a failed session is not recommended, and the exit status is then 1.

What it cannot know:
  The generator and the SSH server behind the bridge run on the same CPUs, which clients and servers
  elsewhere would not take. On few CPUs that favours few shards. BUSY says how much of its shards'
  CPUs the bridge used under connect and bulk: far below 100 %, something else was the limit.";

/// Flags of `sshard tune`.
#[derive(Debug, Args)]
#[command(after_long_help = METHOD)]
pub struct Tune {
    /// Most shards to try; by default one for each CPU this process may use (see taskset).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_shards: Option<u16>,
    /// Placement to try, balanced or kernel; may be given more than once. Both by default.
    #[arg(long, value_name = "HOW", value_parser = placement)]
    pub placement: Vec<Placement>,
    /// Rounds; 7 by default, 3 with --quick. With fewer than 3 nothing is known of the noise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=99))]
    pub rounds: Option<u16>,
    /// Sessions that connect at once, and that type; by default 100 for each CPU, at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub sessions: Option<u16>,
    /// Time measured under each load in each round, 50ms to 60s; 1500ms by default, 400ms with
    /// --quick.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Fewer and shorter rounds: well under a minute on two CPUs.
    #[arg(long)]
    pub quick: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

fn placement(text: &str) -> Result<Placement, String> {
    let known = [Placement::Balanced, Placement::Kernel];
    let found = known.into_iter().find(|how| how.as_str() == text);
    found.ok_or_else(|| "must be balanced or kernel".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    DURATIONS
        .contains(&time)
        .then_some(time)
        .ok_or_else(|| "must be from 50ms to 60s".to_owned())
}
