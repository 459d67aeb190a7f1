//! Reasons for which a host key is not accepted.

use thiserror::Error;

/// Reason for which a host key was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HostKeyProblem {
    /// The key is not in the known hosts, and the policy is strict.
    #[error(
        "the target's host key is not known; have the operator compare it and add it to the known \
         hosts"
    )]
    Unknown,
    /// The known hosts hold another key for this host.
    #[error(
        "the target's host key has changed, so it may be another machine; have the operator \
         compare the key and correct the known hosts"
    )]
    Changed,
    /// The key is marked `@revoked`.
    #[error("the target's host key is revoked; have the operator give the target a new key")]
    Revoked,
    /// The target has pinned keys, and this is none of them.
    #[error(
        "the target's host key is not one of its pinned keys, so it may be another machine; have \
         the operator compare the key and correct the target's host_keys"
    )]
    NotPinned,
    /// The host certificate is not valid for the target.
    #[error("the target's host certificate is not accepted: {0}")]
    Certificate(&'static str),
    /// The user refused the key.
    #[error("the target's host key was refused by the user")]
    Refused,
    /// The policy is to ask the user, and this client cannot be asked.
    #[error(
        "the target's host key is not known, and this client cannot be asked about it; use an \
         sshard.v1 client, or have the operator add the key to the known hosts"
    )]
    CannotAsk,
    /// A new key could not be stored in the known hosts.
    #[error("the target's host key is new and could not be stored; the bridge's log says why")]
    NotStored,
    /// The client, or all clients together, have stored too many new keys lately.
    #[error(
        "the target's host key is new, and too many new keys were stored lately; try again later, \
         or have the operator add it to the known hosts"
    )]
    TooManyNew,
}
