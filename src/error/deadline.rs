//! Deadlines of a session's stages, named by the setting that holds them.

use super::Stage;
use std::fmt;
use std::time::Duration;

/// A deadline that passed: the setting, and the stage the session was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Stage that was not over.
    pub stage: Stage,
    /// Name of the setting, `section.key`.
    pub setting: &'static str,
    /// Value of the setting.
    pub limit: Duration,
}

/// Setting of the deadline of all stages together.
pub const WHOLE_DEADLINE: &str = "limits.connection_timeout";

/// Setting of the deadline of a user's answer.
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
