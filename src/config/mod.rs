//! The configuration: every setting declared once (`settings`), read from layers that override
//! each other, checked as a whole, and printed with the source of each value.
//!
//! Precedence: default < preset < TOML file < environment (`SSHARD_SECTION__KEY`) < `--set` <
//! flags. Nothing here opens a port, parses target rules, or looks at the machine: whether there
//! are as many CPUs as asked for is for others to find out.

#[macro_use]
mod macros;
mod auth_methods;
mod draft;
mod error;
mod file;
mod follow;
mod layers;
mod node;
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
pub use draft::Source;
pub use error::{ConfigError, ConfigErrors};
pub use layers::{Flag, Layers, environment, whole_environment};
pub use node::NodeName;
pub use origin::{Origin, Scheme};
pub use reload::{Change, FIXED, SWITCHED};
pub use settings::{
    Admin, Admission, ClientIpHeader, Compat, Config, HostKeyPolicy, IdleActivity, KEYS, Limits,
    Log, LogFormat, LogLevel, Placement, RateLimit, Server, Session, Ssh, Targets, Tls, Websocket,
};
pub use target::{NamedTarget, NamedTargets, TargetOverrides};
pub use units::{ByteSize, CpuList, HostPort, PathPrefix, Shards};

/// A complete, consistent configuration.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values, shared by every shard.
    pub config: Arc<Config>,
    sources: BTreeMap<&'static str, Source>,
    layers: Layers,
}

/// Reads every layer and checks the result.
///
/// # Errors
/// Everything that is wrong in any layer, and every contradiction between settings.
pub fn load(layers: &Layers) -> Result<Loaded, ConfigErrors> {
    parse(layers)?.consistent()
}

/// A configuration that could be read, and yet may contradict itself.
#[derive(Debug)]
pub struct Parsed {
    /// The values, to be looked at alone while there are contradictions.
    pub loaded: Loaded,
    /// What is wrong between settings.
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
    /// All that is wrong.
    pub fn to_be_served(self) -> Result<Loaded, ConfigErrors> {
        let contradictions = self.contradictions.map(|errors| errors.0);
        let mut errors = contradictions.unwrap_or_default();
        errors.extend(
            self.loaded
                .require_targets()
                .err()
                .into_iter()
                .flat_map(|errors| errors.0),
        );
        if errors.is_empty() {
            Ok(self.loaded)
        } else {
            Err(ConfigErrors(errors))
        }
    }
}

/// Reads every layer, for a program that also shows a configuration that cannot be served.
///
/// # Errors
/// What cannot be read in any layer.
pub fn parse(layers: &Layers) -> Result<Parsed, ConfigErrors> {
    let mut draft = layers::lay(layers);
    let readable = draft.errors.is_empty();
    follow::apply(&mut draft);
    validate::check(&mut draft);
    let errors = (!draft.errors.is_empty()).then_some(ConfigErrors(draft.errors));
    match errors {
        Some(errors) if !readable => Err(errors),
        contradictions => Ok(Parsed {
            loaded: Loaded {
                config: Arc::new(draft.config),
                sources: draft.sources,
                layers: layers.clone(),
            },
            contradictions,
        }),
    }
}

impl Loaded {
    /// The configuration as TOML, grouped by section, each setting explained and with its source
    /// as a comment. Loading the text as a file gives an equal `Config`.
    pub fn print(&self) -> String {
        print::print(self)
    }

    /// As [`Loaded::print`], but for settings at their default, and without explanations.
    pub fn print_changed(&self) -> String {
        print::changed(self)
    }

    /// The same, but for what the caller has changed in `config`: for a
    /// program that fills in settings of its own.
    pub fn with(&self, config: Config) -> Self {
        Self {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    /// Every setting: section, name, value, and the layer it came from.
    pub fn entries(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str, toml::Value, &Source)> {
        print::entries(self)
    }

    /// The layer the value of `key` (`section.name`) came from.
    pub fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
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
