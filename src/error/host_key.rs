//! Reasons for which a host key is not accepted.

use thiserror::Error;

/// Reason for which a host key was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HostKeyProblem {
    /// Not in the known hosts, and the policy is strict.
    #[error("the target's host key is not known here")]
    Unknown,
    /// The known hosts hold another key for this host.
    #[error("the target's host key has changed; it may be another machine")]
    Changed,
    /// The key is marked `@revoked`.
    #[error("the target's host key is revoked")]
    Revoked,
    /// The target has pinned keys, and this is none of them.
    #[error("the target's host key is not one of those it is pinned to; it may be another machine")]
    NotPinned,
    /// The certificate the target showed does not hold.
    #[error("the target's host certificate is not accepted: {0}")]
    Certificate(&'static str),
    /// The user said no.
    #[error("the host key was refused")]
    Refused,
    /// The policy is to ask, and this client cannot be asked.
    #[error("the host key is not known, and this client cannot be asked")]
    CannotAsk,
    /// A new key could not be written to the known hosts.
    #[error("the host key could not be remembered")]
    NotStored,
    /// The client, or all together, have had too many new keys remembered.
    #[error(
        "the target's host key is new, and too many new keys were remembered lately; try again \
         later, or have the operator add it to the known hosts"
    )]
    TooManyNew,
}
