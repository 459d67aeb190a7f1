//! Deadlines as their ends are told: by the setting whose time was over.

use super::Stage;
use std::fmt;
use std::time::Duration;

/// The setting whose time was over, and where the session was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The stage that was not over.
    pub stage: Stage,
    /// The setting's name, `section.key`.
    pub setting: &'static str,
    /// The setting's value.
    pub limit: Duration,
}

/// The deadline of the whole way to the shell.
pub const WHOLE_DEADLINE: &str = "limits.connection_timeout";

/// The deadline of a user's answer.
pub const PROMPT_DEADLINE: &str = "session.prompt_timeout";

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stage, setting) = (self.stage.as_str(), self.setting);
        match setting {
            WHOLE_DEADLINE => write!(
                f,
                "the {stage} stage was not over when all stages together had taken {setting}"
            ),
            PROMPT_DEADLINE => write!(
                f,
                "the {stage} stage waited for an answer longer than {setting}"
            ),
            _ => write!(f, "the {stage} stage took longer than {setting}"),
        }?;
        match self.limit.subsec_millis() {
            0 => write!(f, " ({} s)", self.limit.as_secs()),
            _ => write!(f, " ({} ms)", self.limit.as_millis()),
        }
    }
}
