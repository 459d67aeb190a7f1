//! Values of the flags of `sshard demo`.

use std::time::Duration;

/// From a look at it to a month.
const LIFETIMES: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(31 * 24 * 3600);

pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    LIFETIMES
        .contains(&time)
        .then_some(time)
        .ok_or_else(|| "has to be 1s to 31days".to_owned())
}
