//! `targets.named`: targets with a name, and the settings that such a target may override.
//!
//! An entry is a string, `name=host:port`, or a table with the fields of [`NamedTarget`]. Does not
//! check the name and the host: `targets` does, as for every rule.

use std::path::PathBuf;

use super::auth_methods::{AuthMethod, AuthMethods};
use super::error::{nearest, quoted};
use super::value::{Field, Raw, Value, toml_string};

const ACCEPTS: &str = "an array of entries, each \"name=host:port\" or a table with name, host, \
     and any of port, user, host_keys, auth_methods, agent_socket";
/// Keys of a table.
const KEYS: [&str; 7] = [
    "name",
    "host",
    "port",
    "user",
    "host_keys",
    "auth_methods",
    "agent_socket",
];
/// The port of SSH, where a table names none.
const DEFAULT_PORT: u16 = 22;

/// One entry of `targets.named`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTarget {
    /// `name=host:port`, or `name=host` for port 22.
    pub address: String,
    /// Settings in place of the global ones; empty for an entry that is a string.
    pub overrides: TargetOverrides,
}

/// Settings of one named target, in place of the global ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetOverrides {
    /// The only user who may log in.
    pub user: Option<String>,
    /// Fingerprints (`SHA256:..`) of the host keys that are accepted; if there are any,
    /// `ssh.known_hosts` and `ssh.host_key_policy` are not asked.
    pub host_keys: Vec<String>,
    /// In place of `ssh.auth_methods`.
    pub auth_methods: Option<AuthMethods>,
    /// Socket of an ssh-agent on this host whose keys log in.
    pub agent_socket: Option<PathBuf>,
}

impl NamedTarget {
    /// Entry in its short form, `name=host:port`.
    pub fn short(text: &str) -> Self {
        Self {
            address: text.to_owned(),
            overrides: TargetOverrides::default(),
        }
    }

    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::String(text) if !text.is_empty() => Ok(Self::short(text)),
            Raw::Table(fields) => read_table(fields),
            _ => Err(String::from(ACCEPTS)),
        }
    }

    fn write(&self) -> String {
        if self.overrides == TargetOverrides::default() {
            return toml_string(&self.address);
        }
        // As `read_table` has put it together.
        let (name, address) = self.address.split_once('=').unwrap_or_default();
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        let TargetOverrides {
            user,
            host_keys,
            auth_methods,
            agent_socket,
        } = &self.overrides;
        let mut fields = vec![
            format!("name = {}", toml_string(name)),
            format!("host = {}", toml_string(host)),
            format!("port = {port}"),
        ];
        let users = user.iter();
        fields.extend(users.map(|user| format!("user = {}", toml_string(user))));
        if !host_keys.is_empty() {
            fields.push(format!("host_keys = {}", host_keys.write()));
        }
        let methods = auth_methods.iter();
        fields.extend(methods.map(|methods| format!("auth_methods = {}", methods.write())));
        let socket = agent_socket.iter();
        fields.extend(socket.map(|path| format!("agent_socket = {}", path.write())));
        format!("{{ {} }}", fields.join(", "))
    }
}

impl Value for Vec<NamedTarget> {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match raw {
            Raw::Items(items) => items.iter().map(NamedTarget::read).collect(),
            Raw::Text(text) if text.trim().is_empty() => Ok(Self::new()),
            Raw::Text(text) => text
                .split(',')
                .map(|entry| NamedTarget::read(&Raw::String(entry.trim())))
                .collect(),
            _ => Err(Self::accepts()),
        }
    }

    fn accepts() -> String {
        String::from(ACCEPTS)
    }

    fn write(&self) -> String {
        let entries: Vec<String> = self.iter().map(NamedTarget::write).collect();
        format!("[{}]", entries.join(", "))
    }
}

/// Parses a table; the error names the entry and the key.
fn read_table(fields: &[Field<'_>]) -> Result<NamedTarget, String> {
    let find = |name: &str| fields.iter().find(|(field, _)| *field == name);
    let name = match find("name") {
        Some((_, Raw::String(name))) if !name.contains('=') => Some(*name),
        _ => None,
    };
    if let Some((unknown, _)) = fields.iter().find(|(field, _)| !KEYS.contains(field)) {
        return Err(known_key(name, unknown));
    }
    let Some(name) = name else {
        return Err(String::from("in each table a name, a string without '='"));
    };
    let wrong = |problem: String| format!("a valid entry {name:?}: {problem}");
    let host = match find("host") {
        Some((_, Raw::String(host))) => host,
        Some(_) => return Err(wrong(String::from("host must be a string"))),
        None => return Err(wrong(String::from("host is missing"))),
    };
    let mut port = DEFAULT_PORT;
    let mut overrides = TargetOverrides::default();
    for (field, raw) in fields {
        let read = match *field {
            "port" => read_port(raw).map(|read| port = read),
            "user" => read_user(raw).map(|user| overrides.user = Some(user)),
            "host_keys" => read_host_keys(raw).map(|keys| overrides.host_keys = keys),
            "auth_methods" => AuthMethods::read(raw).map(|m| overrides.auth_methods = Some(m)),
            "agent_socket" => PathBuf::read(raw).map(|path| overrides.agent_socket = Some(path)),
            _ => Ok(()),
        };
        read.map_err(|accepted| wrong(format!("{field} must be {accepted}")))?;
    }
    check_agent(&overrides).map_err(wrong)?;
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        (*host).to_owned()
    };
    Ok(NamedTarget {
        address: format!("{name}={host}:{port}"),
        overrides,
    })
}

/// Describes what is accepted in place of an unknown key.
fn known_key(entry: Option<&str>, unknown: &str) -> String {
    let entry = entry.map_or_else(
        || String::from("an entry"),
        |name| format!("entry {name:?}"),
    );
    let meant = match nearest(unknown, KEYS.into_iter()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("the keys are {}", KEYS.join(", ")),
    };
    format!(
        "a known key in place of \"{}\" in {entry}; {meant}",
        quoted(unknown)
    )
}

/// Requires a fixed user: whoever may use the name may use the agent's keys.
fn check_agent(overrides: &TargetOverrides) -> Result<(), String> {
    if overrides.agent_socket.is_none() {
        return Ok(());
    }
    if overrides.user.is_none() {
        return Err(String::from("agent_socket needs a fixed user"));
    }
    let methods = overrides.auth_methods.as_ref();
    if methods.is_some_and(|methods| !methods.allow(AuthMethod::Publickey)) {
        return Err(String::from("agent_socket needs publickey in auth_methods"));
    }
    Ok(())
}

fn read_port(raw: &Raw<'_>) -> Result<u16, String> {
    let port = match raw {
        Raw::Integer(port) => u16::try_from(*port).ok().filter(|port| *port > 0),
        _ => None,
    };
    port.ok_or_else(|| String::from("a number from 1 to 65535"))
}

fn read_user(raw: &Raw<'_>) -> Result<String, String> {
    let user = raw
        .as_text()
        .filter(|user| (1..=256).contains(&user.len()) && !user.chars().any(char::is_control));
    user.map(str::to_owned)
        .ok_or_else(|| String::from("a name of 1 to 256 bytes without control characters"))
}

fn read_host_keys(raw: &Raw<'_>) -> Result<Vec<String>, String> {
    let keys = match raw {
        Raw::Items(items) => items.iter().map(fingerprint).collect(),
        _ => None,
    };
    keys.filter(|keys: &Vec<String>| !keys.is_empty())
        .ok_or_else(|| {
            String::from(
                "one or more fingerprints as `ssh-keygen -l` prints them: SHA256:, and 43 letters",
            )
        })
}

/// Reads a SHA-256 in base64 without padding. Two bits of the last letter are unused.
fn fingerprint(raw: &Raw<'_>) -> Option<String> {
    const LETTERS: usize = 43;
    let text = raw.as_text()?;
    let hash = text.strip_prefix("SHA256:")?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let whole = hash.len() == LETTERS
        && hash.bytes().all(letter)
        && hash.ends_with(|last| "AEIMQUYcgkosw048".contains(last));
    whole.then(|| text.to_owned())
}
