//! Which SSH servers may be reached, and at which addresses.
//!
//! `address` reads what the client asked for, `policy` decides (its `rules` are
//! read by `rule`; `net` holds networks and the ranges that need an explicit
//! entry, `own` the bridge's listeners), `resolver` looks names up on the
//! threads of `workers`. Nothing here opens a connection.
//!
//! The order is fixed by the types: [`Requested`] -> [`Policy::plan`] ->
//! [`Resolver::resolve`] -> [`Plan::filter`] -> dial. Only addresses that
//! [`Plan::filter`] or [`Plan::permits`] returned may be dialled.

mod address;
mod net;
mod own;
mod policy;
mod resolver;
mod rule;
mod rules;
#[cfg(test)]
mod tests;

pub use address::{AddressError, Requested};
pub use own::OwnListeners;
pub use policy::{Plan, Policy, Refused};
pub use resolver::{ResolveError, Resolver};
pub use rule::PolicyError;
pub use rules::PolicyErrors;
