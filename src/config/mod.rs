//! The configuration: every setting declared once (`settings`), read from layers that override each
//! other, checked as a whole, and printed with the source of each value.
//!
//! Precedence: default < preset < TOML file < environment (`SSHARD_SECTION__KEY`) < `--set` <
//! flags. Does not open ports, parse target rules, or check the machine (such as the number of its
//! CPUs).

#[macro_use]
mod macros;
mod auth_methods;
mod builder;
mod error;
mod file;
mod follow;
mod layers;
mod origin;
mod presets;
mod print;
mod reload;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod units;
mod validate;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use auth_methods::{AuthMethod, AuthMethods};
pub use builder::{IgnoredVariable, Source};
pub use error::{ConfigError, ConfigErrors};
pub use layers::{Flag, Layers, environment, whole_environment};
pub use origin::{Origin, Scheme};
pub use reload::Change;
pub use settings::{
    Admin, Admission, ClientIpHeader, Compat, Config, HostKeyPolicy, IdleActivity, KEYS, Limits,
    Log, LogFormat, LogLevel, Placement, RateLimit, Server, Session, Ssh, Targets, Tls, Websocket,
};
pub use target::{NamedTarget, TargetOverrides};
pub use units::{ByteSize, CpuList, HostPort, NodeName, PathPrefix, Shards, spell_cpus};

/// Complete configuration; consistent, too, unless [`read`] or [`Parsed`] gave it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Values, shared by every shard.
    pub config: Arc<Config>,
    sources: BTreeMap<&'static str, Source>,
    layers: Layers,
    ignored: Vec<IgnoredVariable>,
}

/// Reads every layer and checks the result.
///
/// # Errors
/// All errors of all layers, and every contradiction between settings.
pub fn load(layers: &Layers) -> Result<Loaded, ConfigErrors> {
    parse(layers)?.consistent()
}

/// Configuration that could be parsed, and may contradict itself.
#[derive(Debug)]
pub struct Parsed {
    /// Values; only to be printed while there are contradictions.
    pub loaded: Loaded,
    /// Contradictions between settings.
    pub contradictions: Option<ConfigErrors>,
}

impl Parsed {
    /// Returns the configuration, if it does not contradict itself.
    ///
    /// # Errors
    /// All contradictions.
    pub fn consistent(self) -> Result<Loaded, ConfigErrors> {
        self.contradictions.map_or(Ok(self.loaded), Err)
    }

    /// The configuration, if it neither contradicts itself nor allows no target, which `serve`
    /// needs and `demo` does not.
    ///
    /// # Errors
    /// All contradictions, and the missing target.
    pub fn require_servable(self) -> Result<Loaded, ConfigErrors> {
        let missing = self.loaded.require_targets().err();
        let errors = self.contradictions.into_iter().chain(missing);
        let errors: Vec<_> = errors.flat_map(|errors| errors.0).collect();
        if errors.is_empty() {
            Ok(self.loaded)
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

/// Reads every layer, for a program that also prints a configuration that cannot be served.
///
/// # Errors
/// All errors of all layers.
pub fn parse(layers: &Layers) -> Result<Parsed, ConfigErrors> {
    let mut builder = layers::apply(layers);
    let readable = builder.errors.is_empty();
    follow::adapt(&mut builder);
    validate::check(&mut builder);
    let errors = ConfigErrors(std::mem::take(&mut builder.errors));
    if !readable {
        return Err(errors);
    }
    Ok(Parsed {
        loaded: Loaded::of(builder, layers),
        contradictions: (!errors.0.is_empty()).then_some(errors),
    })
}

/// Reads every layer, for a program that starts no bridge: the flags of the bridge's own command
/// line are missing, so its settings may contradict each other here.
///
/// # Errors
/// All errors of all layers.
pub fn read(layers: &Layers) -> Result<Loaded, ConfigErrors> {
    let mut builder = layers::apply(layers);
    if !builder.errors.is_empty() {
        return Err(ConfigErrors(builder.errors));
    }
    follow::adapt(&mut builder);
    Ok(Loaded::of(builder, layers))
}

impl Loaded {
    fn of(builder: builder::Builder, layers: &Layers) -> Self {
        Self {
            config: Arc::new(builder.config),
            sources: builder.sources,
            layers: layers.clone(),
            ignored: builder.ignored,
        }
    }

    /// Replaces the values, for a program that fills in settings of its own; sources and layers
    /// stay.
    pub fn with(&self, config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    /// Source of the value of `key` (`section.name`).
    pub fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
    }

    /// Environment variables that name no setting and were ignored, for a warning at the start.
    pub fn ignored_variables(&self) -> &[IgnoredVariable] {
        &self.ignored
    }

    /// Checks that some target is allowed, which `serve` needs and `demo` does not.
    ///
    /// # Errors
    /// `ConfigError::NoTarget`, which says how to allow one.
    pub fn require_targets(&self) -> Result<(), ConfigErrors> {
        let targets = &self.config.targets;
        if targets.allow.is_empty() && targets.named.is_empty() {
            return Err(ConfigErrors(vec![ConfigError::NoTarget]));
        }
        Ok(())
    }
}
