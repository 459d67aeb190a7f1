//! Sets of authentication methods, spelled as in RFC 4252.

use super::value::{Element, Raw, Value};

/// Authentication method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// Keys and certificates, the client's and an agent's.
    Publickey,
    /// Password, sent to the server as it is.
    Password,
    /// Prompts of the server (RFC 4256), answered by the user or for the user.
    KeyboardInteractive,
}

impl AuthMethod {
    const ALL: [Self; 3] = [Self::Publickey, Self::Password, Self::KeyboardInteractive];

    fn as_str(self) -> &'static str {
        match self {
            Self::Publickey => "publickey",
            Self::Password => "password",
            Self::KeyboardInteractive => "keyboard-interactive",
        }
    }
}

impl Element for AuthMethod {
    const ACCEPTS: &'static str = "one of publickey, password, keyboard-interactive";

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    fn spell(&self) -> String {
        self.as_str().to_owned()
    }
}

/// Non-empty set of methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthMethods(Vec<AuthMethod>);

impl AuthMethods {
    /// Returns whether `method` may be used.
    pub fn allow(&self, method: AuthMethod) -> bool {
        self.0.contains(&method)
    }
}

impl Default for AuthMethods {
    /// All of them.
    fn default() -> Self {
        Self(AuthMethod::ALL.to_vec())
    }
}

impl Value for AuthMethods {
    fn read(raw: &Raw<'_>) -> Result<Self, String> {
        match Vec::read(raw)? {
            methods if methods.is_empty() => Err(Self::accepts()),
            methods => Ok(Self(methods)),
        }
    }

    fn accepts() -> String {
        String::from("at least one of publickey, password, keyboard-interactive")
    }

    fn write(&self) -> String {
        self.0.write()
    }
}
