//! Which SSH servers may be reached, and at which addresses.
//!
//! `address` reads what the client asked for, `policy` decides (its `rules` are
//! read by `rule`; `net` holds networks and the ranges that need an explicit
//! entry, `own` the bridge's listeners), `resolver` looks names up on the
//! threads of `workers`. Nothing here opens a connection.
//!
//! The order is fixed by the types: [`TargetRequest`] -> [`Policy::evaluate`] ->
//! [`Resolver::resolve`] -> [`Resolution::filter`] -> dial. Only addresses that
//! [`Resolution::filter`] or [`Resolution::check_address`] returned may be dialled.

mod address;
mod net;
mod own;
mod policy;
mod resolver;
mod rule;
mod rules;
#[cfg(test)]
mod tests;

pub use address::{AddressError, TargetRequest};
pub use own::OwnListeners;
pub use policy::{Policy, PolicyDenial, Resolution};
pub use resolver::{ResolveError, Resolver};
pub use rule::PolicyError;
pub use rules::PolicyErrors;
