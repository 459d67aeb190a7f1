//! All entries of `targets`, and which of them match one name or address.
//!
//! One entry is parsed in `rule`; `policy` decides on a request.

use super::rule::{Endpoint, PolicyError, Ports, Rule, Subject, parse_named, parse_rule};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use thiserror::Error;

/// All entries that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    /// Writes one line for each entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            let line_break = if n == 0 { "" } else { "\n" };
            write!(f, "{line_break}{error}")?;
        }
        Ok(())
    }
}

/// Parsed entries of `targets`.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) allow: Vec<Rule>,
    deny: Vec<Rule>,
    pub(super) named: HashMap<String, Endpoint>,
}

impl Rules {
    /// Parses `targets.allow`, `targets.deny` and the addresses of `targets.named`.
    ///
    /// # Errors
    /// Every entry that cannot be parsed, and every name given twice.
    pub(super) fn parse(
        allow: &[String],
        deny: &[String],
        named: &[String],
    ) -> Result<Self, PolicyErrors> {
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
            ("targets.allow", allow, &mut rules.allow),
            ("targets.deny", deny, &mut rules.deny),
        ];
        for (setting, entries, list) in lists {
            for entry in entries {
                match parse_rule(entry) {
                    Ok(rule) => list.push(rule),
                    Err(problem) => bad(setting, entry, problem),
                }
            }
        }
        for entry in named {
            match parse_named(entry) {
                Ok((name, _)) if rules.named.contains_key(&name) => {
                    bad("targets.named", entry, "this name is given twice");
                }
                Ok((name, endpoint)) => {
                    rules.named.insert(name, endpoint);
                }
                Err(problem) => bad("targets.named", entry, problem),
            }
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
    let applies = |ports: Ports| ports.contains(port);
    rules
        .iter()
        .any(|rule| applies(rule.ports) && matches(&rule.subject))
}
