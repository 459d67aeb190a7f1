//! Send times of a session, open-loop: they do not depend on answers.

use std::time::Duration;

/// Distribution of the gaps between sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// Equal gaps.
    Constant,
    /// Exponentially distributed gaps, as of many independent users.
    Poisson,
}

/// Endless ascending send times of one session, from the start of the run.
#[derive(Debug, Clone)]
pub struct Schedule {
    arrival: Arrival,
    rate: f64,
    sent: f64,
    at: f64,
    random: fastrand::Rng,
}

impl Schedule {
    /// Schedule of `rate` sends per second, which must be above 0. `seed` decides the first, so
    /// that sessions do not send in step.
    #[must_use]
    pub fn new(arrival: Arrival, rate: f64, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let rate = rate.max(f64::MIN_POSITIVE);
        let first = match arrival {
            Arrival::Constant => random.f64() / rate,
            Arrival::Poisson => gap(&mut random, rate),
        };
        Self {
            arrival,
            rate,
            sent: 0.0,
            at: first,
            random,
        }
    }

    /// Schedule of `rate` sends per second at equal gaps, the first at once.
    #[must_use]
    pub fn steady(rate: f64) -> Self {
        Self {
            at: 0.0,
            ..Self::new(Arrival::Constant, rate, 0)
        }
    }
}

fn gap(random: &mut fastrand::Rng, rate: f64) -> f64 {
    // 1 - f64() is never 0.
    -(1.0 - random.f64()).ln() / rate
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // Computed from the count and not summed up, so that no error accumulates.
        let now = match self.arrival {
            Arrival::Constant => self.at + self.sent / self.rate,
            Arrival::Poisson => self.at,
        };
        self.sent += 1.0;
        if self.arrival == Arrival::Poisson {
            self.at += gap(&mut self.random, self.rate);
        }
        Some(Duration::try_from_secs_f64(now).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_schedule_is_exact_after_a_million_sends() {
        let mut times = Schedule::steady(1000.0);
        assert_eq!(times.next(), Some(Duration::ZERO));
        let late = times.nth(999_999).unwrap();
        assert!(late.abs_diff(Duration::from_secs(1000)) < Duration::from_micros(1));
    }

    #[test]
    fn both_distributions_keep_their_rate_and_ascend() {
        for arrival in [Arrival::Constant, Arrival::Poisson] {
            let times: Vec<_> = Schedule::new(arrival, 50.0, 3).take(10_000).collect();
            assert!(times.is_sorted(), "{arrival:?}");
            let rate = 10_000.0 / times.last().unwrap().as_secs_f64();
            assert!((45.0..55.0).contains(&rate), "{arrival:?}: {rate}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponentially_distributed() {
        let times: Vec<_> = Schedule::new(Arrival::Poisson, 1.0, 9)
            .take(20_000)
            .collect();
        let gaps = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64());
        let long = gaps.filter(|gap| *gap > 2.0).count() as f64 / 19_999.0;
        // e^-2
        assert!((0.12..0.15).contains(&long), "{long}");
    }

    #[test]
    fn the_same_seed_makes_the_same_schedule() {
        let first =
            |seed| -> Vec<_> { Schedule::new(Arrival::Poisson, 5.0, seed).take(9).collect() };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
