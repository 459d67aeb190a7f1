//! Account that the tests log in to, and key pairs for it. `tests/setup.sh` creates the account;
//! its password is random and new for each test process.

use super::random_bytes;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A login that works on every [`super::Sshd`].
pub(crate) struct Account {
    pub(crate) user: &'static str,
    pub(crate) password: String,
    /// Held until the process ends: a second one would change the password.
    _lock: File,
}

/// The account, with a password set at the first call in this process.
pub(crate) fn account() -> &'static Account {
    static ACCOUNT: OnceLock<Account> = OnceLock::new();
    ACCOUNT.get_or_init(|| {
        let user = "sshard-test";
        let lock = File::create(std::env::temp_dir().join("sshard-test-account.lock")).unwrap();
        lock.lock().unwrap();
        let password = random_bytes(16)
            .into_iter()
            .map(|byte| format!("{byte:02x}"));
        let password: String = password.collect();
        let mut chpasswd = Command::new("/usr/sbin/chpasswd")
            .stdin(Stdio::piped())
            .spawn()
            .expect("chpasswd starts; run tests/setup.sh first");
        let mut stdin = chpasswd.stdin.take().unwrap();
        writeln!(stdin, "{user}:{password}").unwrap();
        drop(stdin);
        assert!(
            chpasswd.wait().unwrap().success(),
            "the password of {user} could not be set; run tests/setup.sh, and the tests, as root"
        );
        Account {
            user,
            password,
            _lock: lock,
        }
    })
}

/// A key pair in a file of its own directory.
pub(crate) struct KeyPair {
    path: PathBuf,
    _directory: Option<tempfile::TempDir>,
}

impl KeyPair {
    /// Makes a pair with `ssh-keygen`: `args` choose kind, bits and KDF rounds, such as `["-t",
    /// "rsa", "-b", "2048"]`; an empty passphrase leaves the private key plain.
    pub(crate) fn generate(args: &[&str], passphrase: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut pair = Self::generate_in(directory.path(), "key", args, passphrase);
        pair._directory = Some(directory);
        pair
    }

    /// As [`KeyPair::generate`], in a directory of the caller's.
    pub(crate) fn generate_in(
        directory: &Path,
        name: &str,
        args: &[&str],
        passphrase: &str,
    ) -> Self {
        let path = directory.join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", passphrase, "-C", "sshard-test", "-f"])
            .arg(&path)
            .args(args)
            .output()
            .expect("ssh-keygen starts; run tests/setup.sh first");
        let complaint = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "ssh-keygen {args:?}: {complaint}");
        Self {
            path,
            _directory: None,
        }
    }

    /// An RSA key too large to be generated in a test, from primes that are known (see the script).
    /// In PEM up to 16,384 bits, which is as much as a message takes.
    pub(crate) fn large_rsa(bits: &str) -> Self {
        const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/large_rsa.py");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let made = Command::new("python3").arg(SCRIPT).arg(bits).output();
        let made = made.expect("python3 starts; run tests/setup.sh first");
        assert!(made.status.success(), "{made:?}");
        fs::write(&path, made.stdout).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let public = Command::new("ssh-keygen").arg("-yf").arg(&path).output();
        fs::write(path.with_extension("pub"), public.unwrap().stdout).unwrap();
        Self {
            path,
            _directory: Some(directory),
        }
    }

    /// Has `authority` certify the public key, in a file beside it, whose path is returned.
    /// `options` are those of ssh-keygen, such as `["-n", "user"]`.
    pub(crate) fn certify(&self, authority: &Self, options: &[&str]) -> PathBuf {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-I", "test"])
            .args(options)
            .arg("-s")
            .arg(authority.path())
            .arg(self.path.with_extension("pub"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        format!("{}-cert.pub", self.path.display()).into()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The private key in OpenSSH's PEM.
    pub(crate) fn private_pem(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    /// `algorithm base64 comment`.
    pub(crate) fn public_line(&self) -> String {
        let text = fs::read_to_string(self.path.with_extension("pub")).unwrap();
        text.trim().to_owned()
    }

    /// `SHA256:...` of the public key.
    pub(crate) fn fingerprint(&self) -> String {
        let shown = Command::new("ssh-keygen")
            .args(["-l", "-E", "sha256", "-f"])
            .arg(self.path.with_extension("pub"))
            .output()
            .unwrap();
        let text = String::from_utf8(shown.stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }
}
