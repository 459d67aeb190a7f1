//! Target policy and name resolution: which SSH servers may be reached, and at which addresses.
//!
//! `address` parses the request, `policy` decides (`rule` and `rules` are its entries, `net` the
//! special ranges, `own` the bridge's listeners), `resolver` looks up names on the threads of
//! `workers`. Does not open connections.
//!
//! The types fix the order: [`TargetRequest`] -> [`Policy::evaluate`] -> [`Resolver::resolve`] ->
//! [`Resolution::filter`] -> connect. Only addresses that [`Resolution::filter`] or
//! [`Resolution::check_address`] has returned may be connected to.

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
