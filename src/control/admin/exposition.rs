//! The two text formats of metrics: which one a client wants, and the older
//! one made of the newer. OpenMetrics 1.0 is what the library writes;
//! Prometheus text 0.0.4 is what everything reads.

use std::fmt::Write as _;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What the values of the Accept headers (RFC 9110 section 12.5.1) ask
    /// for. OpenMetrics only if it is named, and no less liked than text.
    pub(super) fn negotiate(accept: &str) -> Self {
        let ranges: Vec<(&str, u32)> = accept.split(',').filter_map(media_range).collect();
        let quality = |names: &[&str]| {
            let named = ranges.iter().filter(|(name, _)| names.contains(name));
            named.map(|(_, quality)| *quality).max()
        };
        let open = quality(&["application/openmetrics-text"]).unwrap_or(0);
        let text = quality(&["text/plain"]).unwrap_or(0);
        if open > 0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a media range, and its weight in thousandths. `None`: a version
/// we do not write.
fn media_range(range: &str) -> Option<(&str, u32)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?;
    let mut weight = 1000;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("q", value)) => weight = thousandths(value)?,
            Some(("version", version))
                if name == "application/openmetrics-text"
                    && !matches!(version, "1.0.0" | "0.0.1") =>
            {
                return None;
            }
            _ => {}
        }
    }
    Some((name, weight))
}

fn thousandths(weight: &str) -> Option<u32> {
    let weight: f32 = weight.parse().ok()?;
    // Between 0 and 1000, so the cast loses nothing but the fraction.
    (0.0..=1.0)
        .contains(&weight)
        .then_some((weight * 1000.0) as u32)
}

/// OpenMetrics text as Prometheus text 0.0.4: a counter's family is named as
/// its samples are, with `_total`; information is a gauge; no unit, no end.
pub(super) fn to_prometheus(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        // Writing to a String cannot fail.
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // The type, and with it the name, is on the next line.
            help = rest.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some(help) = help.take() {
                let _ = writeln!(text, "# HELP {name}{suffix} {help}");
            }
            let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        // As Prometheus 2.4x and 3 send.
        let old = "application/openmetrics-text;version=1.0.0;q=0.5,\
                   application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for open in [
            old,
            "application/openmetrics-text",
            "text/plain;q=0.5, application/openmetrics-text; q=0.5",
        ] {
            assert_eq!(Format::negotiate(open), Format::OpenMetrics, "{open}");
        }
        for text in [
            "",
            "*/*",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.3,text/plain",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-text;q=nan",
        ] {
            assert_eq!(Format::negotiate(text), Format::Prometheus, "{text}");
        }
    }

    #[test]
    fn every_kind_of_family_is_translated() {
        let open = "# HELP a Help of a.\n# TYPE a counter\na_total{x=\"1\"} 3\n\
                    # HELP b B. With spaces.\n# TYPE b gauge\n# UNIT b seconds\nb 1.5\n\
                    # HELP c C.\n# TYPE c info\nc_info{v=\"1\"} 1\n\
                    # TYPE d unknown\nd 4\n# EOF\n";
        assert_eq!(
            to_prometheus(open),
            "# HELP a_total Help of a.\n# TYPE a_total counter\na_total{x=\"1\"} 3\n\
             # HELP b B. With spaces.\n# TYPE b gauge\nb 1.5\n\
             # HELP c_info C.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n\
             # TYPE d untyped\nd 4\n"
        );
    }
}
