//! Flags of `sshard demo`.

use super::Common;
use crate::config::Layers;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Range of `--for`.
const LIFETIMES: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(31 * 24 * 3600);

/// Flags of `sshard demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Flags shared with `serve`.
    #[command(flatten)]
    pub common: Common,
    /// Program that each session runs; by default your login shell.
    #[arg(long, value_name = "PROGRAM")]
    pub shell: Option<PathBuf>,
    /// Open the link in the browser that $BROWSER names, or the desktop's.
    #[arg(long)]
    pub open: bool,
    /// End by itself after this time, such as 1h.
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime)]
    pub lifetime: Option<Duration>,
}

impl Demo {
    pub(super) fn layers(&self) -> Layers {
        // Complete on purpose: a new flag must find its layer, or its use, here.
        let Self {
            common,
            shell: _,
            open: _,
            lifetime: _,
        } = self;
        common.layers()
    }
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    LIFETIMES
        .contains(&time)
        .then_some(time)
        .ok_or_else(|| "must be from 1s to 31d".to_owned())
}
