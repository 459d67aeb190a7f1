//! Location of a session: a node, a process on it, and a shard of the process. The session's id
//! does not depend on it.

use serde::{Serialize, Serializer};
use std::fmt;
use std::io;
use std::str::FromStr;

/// Id of one run of the process: 8 random bytes, written as 16 hex digits. Unlike a process id it
/// is never reused.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct InstanceId([u8; 8]);

/// Text that is not 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an instance id is 16 hex digits in lower case")]
pub struct BadInstanceId;

/// Identity of this process. The default stands for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// Name of its node (`server.node`).
    pub node: String,
    /// Id of this run.
    pub id: InstanceId,
}

/// Location of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionLocation {
    /// Name of the node.
    pub node: String,
    /// Process on the node.
    pub instance: InstanceId,
    /// Shard of the process.
    pub shard: usize,
}

impl Instance {
    /// Generates the identity of a process on `node`, from the operating system's randomness.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random(node: String) -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let id = InstanceId(bytes);
        Ok(Self { node, id })
    }

    /// Returns the location of a session of `shard` in this process.
    pub fn location(&self, shard: usize) -> SessionLocation {
        SessionLocation {
            node: self.node.clone(),
            instance: self.id,
            shard,
        }
    }
}

impl FromStr for InstanceId {
    type Err = BadInstanceId;

    fn from_str(text: &str) -> Result<Self, BadInstanceId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(BadInstanceId);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| BadInstanceId)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_a_unique_id_which_is_parsed() {
        let [a, b] = [(), ()].map(|()| Instance::random("n".to_owned()).unwrap());
        assert_ne!(a.id, b.id);
        assert_eq!(a.id.to_string().parse(), Ok(a.id));
        let zero = InstanceId::default().to_string();
        assert_eq!(zero, "0".repeat(16));
        for bad in [
            "",
            "12",
            &zero[1..],
            "00000000000000000",
            "+000000000000000",
            "ABCDEF0123456789",
        ] {
            assert_eq!(bad.parse::<InstanceId>(), Err(BadInstanceId), "{bad}");
        }
    }

    #[test]
    fn a_location_names_node_instance_and_shard() {
        let instance = Instance::random("edge-1".to_owned()).unwrap();
        let location = serde_json::to_value(instance.location(3)).unwrap();
        let id = instance.id.to_string();
        assert_eq!(
            location,
            serde_json::json!({ "node": "edge-1", "instance": id, "shard": 3 })
        );
    }
}
