//! `sshard tune`: measures numbers of shards and placements on this host in rounds, and recommends
//! one. Changes nothing.
//!
//! `variant` lists what is measured, `bridge` starts it, `measure` puts it under load (by
//! `sshard_load`, with the SSH server behind it, in this process), `figures` sums the rounds up,
//! `recommend` chooses (pure), `report` prints.

mod bridge;
mod figures;
mod measure;
mod recommend;
mod report;
#[cfg(test)]
mod tests;
mod variant;

use super::{ToolError, print_report};
use crate::cli::Tune;
use crate::config::{self, Placement};
use bridge::{Bridge, BridgeError};
use figures::{Figures, Sample};
use measure::{Failed, Load, Round, Stop};
use report::{Report, Row};
use sshard_load::resources::raise_file_limit;
use sshard_load::sink::{self, SinkOptions};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;
use variant::Variant;

/// Sessions per CPU that may have a shard, and their largest number: a wave has to fit in the queue
/// of one listener.
const SESSIONS_PER_CPU: usize = 100;
const MAX_SESSIONS: usize = 1000;

/// Reason why there is no result, or not a whole one.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The CPUs of the process are unknown.
    #[error("the CPUs this process may use cannot be determined")]
    Cpus,
    /// More shards than CPUs to pin them to.
    #[error("--max-shards is {asked}, but this process may use {cpus} CPUs")]
    TooManyShards {
        /// Value of the flag.
        asked: usize,
        /// Number of CPUs.
        cpus: usize,
    },
    /// No SSH server to put behind the bridge.
    #[error("the SSH server behind the bridge cannot be started: {0}")]
    Sink(#[source] io::Error),
    /// The generator cannot run.
    #[error("the load generator cannot run: {0}")]
    Generator(#[source] io::Error),
    /// The bridge did not start, or died.
    #[error("the bridge ({variant}) {error}")]
    Bridge {
        /// Variant under which it ran.
        variant: String,
        /// Error of the bridge.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Sessions failed; the report names them.
    #[error("sessions failed under {count} of {of} settings, which are out of the comparison")]
    Failed {
        /// Variants with failed sessions.
        count: usize,
        /// All variants.
        of: usize,
    },
}

/// Measures every variant and prints the report.
///
/// # Errors
/// [`ToolError`]; [`TuneError::Failed`] after the report is printed.
pub fn run(flags: &Tune) -> Result<(), ToolError> {
    let cpus = core_affinity::get_core_ids().map_or(0, |ids| ids.len());
    let trial = Trial::new(flags, cpus)?;
    let rows = trial.rows()?;
    let report = Report::new(cpus, trial.load.words(), trial.rounds, rows);
    print_report(&report, flags.json, Report::text)?;
    match report.failed() {
        0 => Ok(()),
        count => Err(TuneError::Failed {
            count,
            of: report.settings.len(),
        }
        .into()),
    }
}

/// Variants to measure, and the number of rounds.
#[derive(Debug)]
struct Trial {
    variants: Vec<Variant>,
    rounds: usize,
    load: Load,
}

/// Results of the rounds of one variant so far.
#[derive(Debug, Default)]
struct Results {
    samples: Vec<Sample>,
    failures: Vec<Failed>,
}

impl Trial {
    /// Makes the trial of the flags, with `cpus` to pin shards to.
    fn new(flags: &Tune, cpus: usize) -> Result<Self, TuneError> {
        let Tune {
            max_shards,
            placement,
            rounds,
            sessions,
            duration,
            quick,
            json: _,
        } = flags;
        if cpus == 0 {
            return Err(TuneError::Cpus);
        }
        let max_shards = max_shards.map_or(cpus, usize::from);
        if max_shards > cpus {
            let asked = max_shards;
            return Err(TuneError::TooManyShards { asked, cpus });
        }
        let mut placements: Vec<Placement> = Vec::new();
        for how in placement {
            if !placements.contains(how) {
                placements.push(*how);
            }
        }
        if placements.is_empty() {
            placements = vec![Placement::Balanced, Placement::Kernel];
        }
        let (usual_rounds, usual_time) = if *quick { (3, 400) } else { (7, 1500) };
        let usual_sessions = (SESSIONS_PER_CPU * max_shards).min(MAX_SESSIONS);
        Ok(Self {
            variants: variant::all(max_shards, &placements),
            rounds: rounds.map_or(usual_rounds, usize::from),
            load: Load {
                sessions: sessions.map_or(usual_sessions, usize::from),
                duration: duration.unwrap_or(Duration::from_millis(usual_time)),
                max_shards,
            },
        })
    }

    /// Measures all variants.
    fn rows(&self) -> Result<Vec<Row>, TuneError> {
        let sessions = self.load.sessions;
        // Those of the wave before may still be closing.
        let served = 2 * sessions + 100;
        raise_file_limit(sessions + served).map_err(TuneError::Generator)?;
        let sink = sink::start(&SinkOptions {
            threads: self.load.max_shards,
            max_sessions: served,
            ..SinkOptions::default()
        })
        .map_err(TuneError::Sink)?;
        // Flags alone decide: what is in the environment is meant for another bridge.
        let unset: Vec<OsString> = config::environment().into_iter().map(|(n, _)| n).collect();
        let mut results: Vec<Results> = self.variants.iter().map(|_| Results::default()).collect();
        for round in 0..self.rounds {
            for index in variant::round_order(self.variants.len(), round) {
                if let (Some(variant), Some(results)) =
                    (self.variants.get(index), results.get_mut(index))
                {
                    self.measure(*variant, results, round + 1, sink.address, &unset)?;
                }
            }
        }
        progress(None);
        let rows = self.variants.iter().zip(results);
        let rows = rows.map(|(variant, Results { samples, failures })| {
            Row::new(*variant, Figures::of(&samples), failures)
        });
        Ok(rows.collect())
    }

    fn measure(
        &self,
        variant: Variant,
        results: &mut Results,
        round: usize,
        sink: SocketAddr,
        unset: &[OsString],
    ) -> Result<(), TuneError> {
        if !results.failures.is_empty() {
            // The variant is out of the comparison already.
            return Ok(());
        }
        progress(Some((round, self.rounds, variant)));
        let died = |error: BridgeError| TuneError::Bridge {
            variant: variant.to_string(),
            error: Box::new(error),
        };
        let mut bridge = Bridge::start(variant, sink, self.load.sessions, unset).map_err(died)?;
        let measurement = Round {
            variant,
            bridge: &bridge,
            sink,
            load: self.load,
            round,
        };
        let stop = match measurement.sample() {
            Ok(sample) => {
                results.samples.push(sample);
                return Ok(());
            }
            Err(stop) => stop,
        };
        // If the bridge has died, that is why.
        match (bridge.ended_just_now(), stop) {
            (Some(ended), _) => Err(died(ended)),
            (None, Stop::Failed(failed)) => {
                results.failures.extend(failed);
                Ok(())
            }
            (None, Stop::Generator(error)) => Err(TuneError::Generator(error)),
        }
    }
}

/// Shows the progress on a terminal; None removes it. Errors of the terminal are ignored.
fn progress(at: Option<(usize, usize, Variant)>) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let line = at.map_or_else(String::new, |(round, rounds, variant)| {
            format!("round {round} of {rounds}: {variant}")
        });
        let _ = write!(stderr, "\r{line:<60}\r");
    }
}
