//! Events of the SSH side, as inputs of the state machine.

use super::BridgeSession;
use crate::bridge::state::{Exit, Input};
use crate::ssh::SshEvent;
use std::time::Instant;

impl BridgeSession {
    /// Handles the events that the SSH side has queued.
    pub(super) fn poll_events(&mut self, now: Instant) {
        while let Some(event) = self.state.resources.downlink.next_event() {
            self.state.handle(now, Input::from(event));
        }
    }
}

impl From<SshEvent> for Input {
    fn from(event: SshEvent) -> Self {
        match event {
            SshEvent::Stage(stage) => Self::Stage(stage),
            SshEvent::Banner(text) => Self::Banner(text),
            SshEvent::HostKeyQuestion {
                algorithm,
                fingerprint,
                known,
                answer,
            } => Self::HostKeyQuestion {
                algorithm,
                fingerprint,
                known,
                answer,
            },
            SshEvent::Question {
                name,
                instruction,
                prompts,
                answer,
            } => Self::Question {
                name,
                instruction,
                prompts,
                answer,
            },
            SshEvent::ExitStatus(status) => Self::Exit(Exit {
                status: Some(status),
                ..Exit::default()
            }),
            SshEvent::ExitSignal {
                signal,
                core_dumped,
                message,
            } => Self::Exit(Exit {
                status: None,
                signal: Some(signal),
                core_dumped,
                message,
            }),
            SshEvent::ChannelClosed => Self::ChannelClosed,
            SshEvent::NoTerminal => Self::NoTerminal,
            SshEvent::StartRefused => Self::StartRefused,
            SshEvent::Disconnected(cause) => Self::Disconnected(cause),
            SshEvent::Misbehaved(rule) => Self::Misbehaved(rule),
        }
    }
}
