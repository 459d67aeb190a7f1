//! Reasons why a private key cannot be read, as the user sees them. Each continues "the private key
//! cannot be used: ".

pub(super) const NO_PASSPHRASE: &str = "it is encrypted, and no passphrase was given";
pub(super) const WRONG_PASSPHRASE: &str = "the passphrase is wrong";
pub(super) const TOO_MANY_ROUNDS: &str =
    "its passphrase takes more KDF rounds than ssh.max_kdf_rounds allows";
pub(super) const DAMAGED: &str = "its content is damaged, or of an unsupported kind";
pub(super) const DSA: &str =
    "it is a DSA key, which is not safe, and which SSH servers no longer take";
