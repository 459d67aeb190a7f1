//! All entries of `targets`, and which of them match one name or address.
//!
//! One entry is parsed in `rule`; `policy` decides on a request.

use super::address::Host;
use super::rule::{PolicyError, Rule, Subject, parse_named, parse_rule};
use crate::config::{TargetOverrides, Targets};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use thiserror::Error;

/// All entries that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    /// Writes one line for each entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Parsed entries of `targets`.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) allow: Vec<Rule>,
    deny: Vec<Rule>,
    pub(super) named: HashMap<String, Endpoint>,
}

/// Named target, at the address that it stands for.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) overrides: Arc<TargetOverrides>,
}

impl Rules {
    /// Parses the section `targets`.
    ///
    /// # Errors
    /// Every entry that cannot be parsed, and every name given twice.
    pub(super) fn parse(targets: &Targets) -> Result<Self, PolicyErrors> {
        let mut errors = Vec::new();
        let mut bad = |setting, entry: &str, problem| {
            errors.push(PolicyError {
                setting,
                entry: entry.to_owned(),
                problem,
            });
        };
        let mut rules = Rules {
            allow: Vec::new(),
            deny: Vec::new(),
            named: HashMap::new(),
        };
        let lists = [
            ("targets.allow", &targets.allow, &mut rules.allow),
            ("targets.deny", &targets.deny, &mut rules.deny),
        ];
        for (setting, entries, list) in lists {
            for entry in entries {
                match parse_rule(entry) {
                    Ok(rule) => list.push(rule),
                    Err(problem) => bad(setting, entry, problem),
                }
            }
        }
        for target in &targets.named {
            let mut bad = |problem| bad("targets.named", &target.address, problem);
            let (name, host, port) = match parse_named(&target.address) {
                Ok(parsed) => parsed,
                Err(problem) => {
                    bad(problem);
                    continue;
                }
            };
            let Entry::Vacant(free) = rules.named.entry(name) else {
                bad("this name is given twice");
                continue;
            };
            free.insert(Endpoint {
                host,
                port,
                overrides: Arc::new(target.overrides.clone()),
            });
        }
        if errors.is_empty() {
            Ok(rules)
        } else {
            Err(PolicyErrors(errors))
        }
    }

    pub(super) fn any(&self, port: u16, matches: impl Fn(&Subject) -> bool) -> bool {
        any(&self.allow, port, matches)
    }

    /// Returns whether a deny rule matches `name`, in lower case and without a trailing dot.
    pub(super) fn denies_name(&self, name: &str, port: u16) -> bool {
        any(&self.deny, port, |subject| match subject {
            Subject::Exact(denied) => denied == name,
            Subject::Suffix(denied) => name.ends_with(denied),
            Subject::Net(_) => false,
        })
    }

    pub(super) fn denies_address(&self, ip: IpAddr, port: u16) -> bool {
        let holds = |s: &Subject| matches!(s, Subject::Net(net) if net.contains(ip));
        any(&self.deny, port, holds)
    }
}

fn any(rules: &[Rule], port: u16, matches: impl Fn(&Subject) -> bool) -> bool {
    rules
        .iter()
        .any(|rule| rule.ports.contains(&port) && matches(&rule.subject))
}
