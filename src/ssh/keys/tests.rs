//! Keys written by ssh-keygen and OpenSSL, and as people paste them, each read here and by
//! `ssh-keygen -y`: all that `ssh-keygen` reads is read here, as the same key.

use super::armor::private_block;
use super::problem::TOO_MANY_ROUNDS;
use super::read::read_key;
use super::signing::SigningKey;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Encode as _;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use russh::keys::HashAlg;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const PASSPHRASE: &str = "pass phräse";
const ROUNDS: u32 = 128;

/// A directory for key files.
pub(super) struct KeyDir(tempfile::TempDir);

impl KeyDir {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command line in the directory, and returns what it prints; `PASS` stands for the
    /// passphrase.
    fn run(&self, line: &str) -> String {
        let words = line.split(' ').map(|word| word.replace("PASS", PASSPHRASE));
        self.output(&words.collect::<Vec<_>>())
            .unwrap_or_else(|| panic!("{line}"))
    }

    /// Runs a command in the directory, and returns what it prints; `None` if it fails.
    fn output(&self, words: &[impl AsRef<OsStr>]) -> Option<String> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.0.path());
        let done = command.stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&done.stdout);
        done.status.success().then(|| printed.into_owned())
    }

    /// Returns the text of a new key, made by ssh-keygen.
    pub(super) fn keygen(&self, args: &str, passphrase: &str) -> String {
        self.keygen_with_comment(args, passphrase, OsStr::new("me@here"))
    }

    fn keygen_with_comment(&self, args: &str, passphrase: &str, comment: &OsStr) -> String {
        let path = self.path("made");
        let _ = fs::remove_file(&path);
        let mut words = vec!["ssh-keygen", "-q", "-f", "made", "-N", passphrase];
        words.extend(args.split(' '));
        let mut words: Vec<&OsStr> = words.into_iter().map(OsStr::new).collect();
        words.extend([OsStr::new("-C"), comment]);
        self.output(&words).unwrap_or_else(|| panic!("{args}"));
        fs::read_to_string(path).unwrap()
    }

    /// Returns the public key that `ssh-keygen -y` reads from `text`, without its comment.
    fn public_by_keygen(&self, text: &str, passphrase: &str) -> Option<String> {
        let path = self.path("pasted");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let line = self.output(&["ssh-keygen", "-y", "-P", passphrase, "-f", "pasted"])?;
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        Some(words.join(" "))
    }
}

fn public_of(key: &SigningKey) -> String {
    key.public.to_openssh().unwrap().trim().to_owned()
}

fn read(text: &str, passphrase: &str) -> Result<SigningKey, &'static str> {
    let passphrase = (!passphrase.is_empty()).then_some(passphrase);
    read_key(text, passphrase, ROUNDS)
}

/// Asserts that the key is read as by ssh-keygen, and can sign.
fn assert_read(dir: &KeyDir, text: &str, passphrase: &str, what: &str) {
    let key = read(text, passphrase).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    let expected = dir.public_by_keygen(text, passphrase);
    assert_eq!(Some(public_of(&key)), expected, "{what}");
    let signature = key.sign(Some(HashAlg::Sha512), b"x");
    assert!(signature.is_some(), "{what}");
}

/// One of 256 results in valid padding.
#[test]
fn any_wrong_passphrase_is_reported_as_wrong() {
    let dir = KeyDir::new();
    for kind in ["-t rsa -b 1024 -m PEM", "-t ecdsa -b 256 -m PEM"] {
        let text = dir.keygen(kind, PASSPHRASE);
        for number in 0..3000 {
            let wrong = format!("wrong {number}");
            let problem = read(&text, &wrong).err().unwrap();
            assert!(problem.contains("is wrong"), "{kind}, {wrong}: {problem}");
        }
    }
}

#[test]
fn every_format_of_ssh_keygen_is_read() {
    let dir = KeyDir::new();
    for kind in [
        "-t rsa -b 2048",
        "-t rsa -b 3000",
        "-t ecdsa -b 256",
        "-t ecdsa -b 384",
        "-t ecdsa -b 521",
    ] {
        for format in ["RFC4716", "PEM", "PKCS8"] {
            for passphrase in ["", PASSPHRASE] {
                let what = format!("{kind} -m {format} {passphrase:?}");
                let text = dir.keygen(&format!("{kind} -m {format}"), passphrase);
                assert_read(&dir, &text, passphrase, &what);
                if passphrase.is_empty() {
                    continue;
                }
                for (given, named) in [("", "no passphrase"), ("wrong", "wrong")] {
                    let problem = read(&text, given).err().unwrap();
                    assert!(problem.contains(named), "{what}: {problem}");
                }
            }
        }
    }
    for cipher in [
        "aes128-cbc",
        "aes192-cbc",
        "aes256-cbc",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "3des-cbc",
    ] {
        let text = dir.keygen(&format!("-t ed25519 -a 2 -Z {cipher}"), PASSPHRASE);
        assert_read(&dir, &text, PASSPHRASE, cipher);
    }
    let text = dir.keygen("-t ed25519", "");
    assert_read(&dir, &text, "", "ed25519");
}

#[test]
fn every_format_of_openssl_is_read() {
    let dir = KeyDir::new();
    dir.run("openssl genrsa -out rsa 2048");
    dir.run("openssl ecparam -name prime256v1 -genkey -out ec");
    dir.run("openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit -out ec-explicit");
    for line in [
        "cat rsa",
        // With EC PARAMETERS before it.
        "cat ec",
        "openssl rsa -in rsa -traditional",
        "openssl rsa -in rsa -traditional -aes128 -passout pass:PASS",
        "openssl rsa -in rsa -traditional -aes192 -passout pass:PASS",
        "openssl rsa -in rsa -traditional -aes256 -passout pass:PASS",
        "openssl rsa -in rsa -traditional -des3 -passout pass:PASS",
        "openssl ec -in ec -aes256 -passout pass:PASS",
        "openssl pkcs8 -topk8 -nocrypt -in ec",
        "openssl pkcs8 -topk8 -in rsa -passout pass:PASS",
        "openssl pkcs8 -topk8 -in rsa -v2 aes-128-cbc -v2prf hmacWithSHA1 -passout pass:PASS",
        "openssl pkcs8 -topk8 -in ec -v2 aes-256-cbc -v2prf hmacWithSHA512 -passout pass:PASS",
        "openssl pkcs8 -topk8 -in ec -v2 des3 -iter 100000 -passout pass:PASS",
        "openssl pkcs8 -topk8 -in rsa -scrypt -passout pass:PASS",
    ] {
        let is_encrypted = line.contains("PASS");
        let passphrase = if is_encrypted { PASSPHRASE } else { "" };
        assert_read(&dir, &dir.run(line), passphrase, line);
    }
    // Only later versions of ssh-keygen read these.
    for line in ["openssl genpkey -algorithm ed25519", "cat ec-explicit"] {
        assert!(read(&dir.run(line), "").is_ok(), "{line}");
    }
}

/// Returns variants of a key as editors, mails, forms and shells leave it, each with a name.
fn pasted(text: &str, public: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let body = lines[1..lines.len() - 1].concat();
    let framed = |body: &str| format!("{}\n{body}\n{}\n", lines[0], lines[lines.len() - 1]);
    let every = |width: usize, end: &str| {
        let lines = body.as_bytes().chunks(width);
        let lines: Vec<&str> = lines.map(|line| str::from_utf8(line).unwrap()).collect();
        framed(&lines.join(end))
    };
    let begin = format!("{}\n", lines[0]);
    vec![
        ("as it is", text.to_owned()),
        ("an empty line behind END", format!("{text}\n")),
        ("many empty lines behind END", format!("{text}\n \n\t\n\n")),
        ("no line end behind END", text.trim_end().to_owned()),
        (
            "an empty line behind BEGIN",
            text.replacen(&begin, &format!("{begin}\n"), 1),
        ),
        ("empty lines between", text.replace('\n', "\n\n")),
        (
            "blanks at line ends",
            format!("{}\n{}", lines[0], lines[1..].join(" \n")),
        ),
        ("blanks at all line ends", lines.join("  \n")),
        ("blanks at line starts", lines.join("\n    ")),
        ("CRLF", text.replace('\n', "\r\n")),
        ("CR", text.replace('\n', "\r")),
        ("one long line", framed(&body)),
        ("lines of 64", every(64, "\n")),
        ("lines of 76", every(76, "\n")),
        ("lines of 7", every(7, "\n")),
        ("lines of 500", every(500, "\n")),
        ("blanks for line ends", every(64, " ")),
        ("all in one line", text.trim_end().replace('\n', " ")),
        ("escaped line ends", text.replace('\n', "\\n")),
        (
            "the public key behind it",
            format!("{text}{public} me@here\n"),
        ),
        (
            "the public key in front",
            format!("{public} me@here\n{text}"),
        ),
        ("words in front", format!("My key:\n\n{text}")),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("no padding", text.replace('=', "")),
        (
            "another key behind",
            format!("{text}{}", text.replace("AAAA", "AAAB")),
        ),
    ]
}

#[test]
fn a_key_is_read_however_it_is_pasted() {
    let dir = KeyDir::new();
    for (kind, passphrase) in [
        ("-t ed25519", ""),
        ("-t ed25519 -a 1", PASSPHRASE),
        ("-t rsa -b 2048", ""),
        ("-t rsa -b 2048 -m PEM", ""),
        ("-t ecdsa -m PKCS8", ""),
        ("-t ecdsa -m PKCS8", PASSPHRASE),
    ] {
        let text = dir.keygen(kind, passphrase);
        let public = dir.public_by_keygen(&text, passphrase).unwrap();
        for (how, text) in pasted(&text, &public) {
            let key = read(&text, passphrase)
                .unwrap_or_else(|problem| panic!("{kind}, {how}: {problem}"));
            assert_eq!(public_of(&key), public, "{kind}, {how}");
            let by_keygen = dir.public_by_keygen(&text, passphrase);
            assert!(by_keygen.is_none_or(|read| read == public), "{kind}, {how}");
        }
    }
}

/// The headers of RFC 1421 must be on lines of their own.
#[test]
fn an_old_pem_is_read_with_its_headers() {
    let dir = KeyDir::new();
    let text = dir.keygen("-t rsa -b 2048 -m PEM", PASSPHRASE);
    for (how, text) in [
        ("as it is", text.clone()),
        ("CRLF", text.replace('\n', "\r\n")),
        ("blanks at line ends", text.replace('\n', " \n")),
        ("no empty line", text.replace("\n\n", "\n")),
        ("an empty line behind END", format!("{text}\n")),
    ] {
        let key = read(&text, PASSPHRASE);
        assert!(key.is_ok(), "{how}: {:?}", key.err());
    }
}

/// A comment in Latin-1.
#[test]
fn a_comment_need_not_be_utf8() {
    let dir = KeyDir::new();
    let comment = OsStr::from_bytes(b"m\xfcller@b\xfcro");
    for passphrase in ["", PASSPHRASE] {
        let text = dir.keygen_with_comment("-t ed25519 -a 1", passphrase, comment);
        assert_read(&dir, &text, passphrase, "a comment in Latin-1");
    }
}

#[test]
fn the_problem_of_an_unusable_key_is_described() {
    let dir = KeyDir::new();
    let made = dir.keygen("-t ed25519", "");
    let public = fs::read_to_string(dir.path("made.pub")).unwrap();
    for (text, named) in [
        (public, "it is a public key"),
        (
            made.replace("-----END OPENSSH PRIVATE KEY-----", ""),
            "cut off",
        ),
        (made[..200].to_owned(), "cut off"),
        (made.replacen("AAAA", "AA*A", 1), "not base64"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\naGVsbG8=\n-----END OPENSSH PRIVATE KEY-----"
                .to_owned(),
            "damaged",
        ),
        (dir.keygen("-t rsa -b 1024", ""), "fewer than 2048"),
        (dir.keygen("-t rsa -b 1024 -m PEM", ""), "fewer than 2048"),
        (dir.keygen("-t dsa", ""), "DSA"),
        (dir.keygen("-t dsa -m PEM", ""), "DSA"),
    ] {
        let problem = read(&text, "").err().expect("it was read");
        assert!(problem.contains(named), "{named}: {problem}\n{text}");
    }
}

/// Returns a key that is encrypted with scrypt, whose N, r and p are replaced by these.
fn with_scrypt(dir: &KeyDir, (n, r, p): (u64, u16, u16)) -> String {
    let text = dir.run("openssl pkcs8 -topk8 -in ec -scrypt -passout pass:PASS");
    let block = private_block(&text).unwrap();
    let mut info = EncryptedPrivateKeyInfoRef::try_from(block.bytes.as_slice()).unwrap();
    let EncryptionScheme::Pbes2(scheme) = &mut info.encryption_algorithm else {
        panic!("not PBES2");
    };
    let Kdf::Scrypt(scrypt) = &mut scheme.kdf else {
        panic!("not scrypt");
    };
    scrypt.cost_parameter = n;
    scrypt.block_size = r;
    scrypt.parallelization = p;
    fs::write(dir.path("changed"), info.to_der().unwrap()).unwrap();
    let body = dir.run("openssl base64 -in changed");
    format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n")
}

#[test]
fn scrypt_is_bounded_in_memory_and_its_parameters_are_checked() {
    let dir = KeyDir::new();
    dir.run("openssl ecparam -name prime256v1 -genkey -out ec");
    for (parameters, named) in [
        // Blocks of 256 MiB, with next to no work.
        ((1, 32, 65_535), "32 MiB"),
        ((2, 32, 65_535), "32 MiB"),
        // A table of more than 32 MiB.
        ((65_536, 8, 1), "32 MiB"),
        ((u64::MAX, 8, 1), "32 MiB"),
        ((0, 8, 1), "N must be"),
        ((1, 8, 1), "N must be"),
        ((3, 8, 1), "N must be"),
        ((16_384, 8, 17), "KDF rounds"),
        // Read with these, which are not the ones it was encrypted with.
        ((32_768, 8, 1), "wrong"),
        ((16_384, 8, 2), "wrong"),
    ] {
        let text = with_scrypt(&dir, parameters);
        let problem = read(&text, PASSPHRASE).err().expect("it was read");
        assert!(problem.contains(named), "{parameters:?}: {problem}");
    }
    let text = with_scrypt(&dir, (16_384, 8, 1));
    assert_read(&dir, &text, PASSPHRASE, "scrypt");
}

#[test]
fn the_iterations_of_pbkdf2_are_bounded() {
    let dir = KeyDir::new();
    dir.run("openssl ecparam -name prime256v1 -genkey -out ec");
    // Two rounds' worth, and one more.
    for (iterations, problem) in [(16_384, None), (16_385, Some(TOO_MANY_ROUNDS))] {
        let line = format!("openssl pkcs8 -topk8 -in ec -iter {iterations} -passout pass:PASS");
        let key = read_key(&dir.run(&line), Some(PASSPHRASE), 2);
        assert_eq!(key.err(), problem, "{iterations}");
    }
}

/// Numbers of curves are stored without leading zeros: one key in 256 is a byte shorter.
#[test]
fn short_numbers_of_curves_are_read() {
    let dir = KeyDir::new();
    for bits in ["256", "521"] {
        for _ in 0..150 {
            let text = dir.keygen(&format!("-t ecdsa -b {bits}"), "");
            let key = read(&text, "").unwrap();
            let public = fs::read_to_string(dir.path("made.pub")).unwrap();
            assert!(public.starts_with(&public_of(&key)));
        }
    }
}
