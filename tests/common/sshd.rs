//! A real OpenSSH server for one test: own port, own host keys, own directory, gone at the end.
//! Says nothing about the account; see `account`.

use super::log::Log;
use super::{DEADLINE, KeyPair, free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A free port is looked up, not reserved: before sshd binds it another may.
const PORT_ATTEMPTS: usize = 20;

pub(crate) struct Sshd {
    addr: SocketAddr,
    process: Child,
    log: Log,
    host_keys: Vec<KeyPair>,
    directory: tempfile::TempDir,
}

impl Sshd {
    /// A server that takes passwords, keyboard-interactive and keys of [`Sshd::authorise`].
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// As [`Sshd::start`], with lines of sshd_config that go before, and so override, its own.
    pub(crate) fn with(lines: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        // sshd reads authorized keys as the user who logs in.
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        fs::write(path.join("authorized_keys"), "").unwrap();
        let host_keys = vec![
            KeyPair::generate_in(path, "host_ed25519", &["-t", "ed25519"], ""),
            KeyPair::generate_in(path, "host_rsa", &["-t", "rsa", "-b", "2048"], ""),
        ];
        for _ in 0..PORT_ATTEMPTS {
            let addr = free_port();
            let (mut process, log) = spawn(path, addr, lines, &host_keys);
            let line = format!("Server listening on 127.0.0.1 port {}.", addr.port());
            if log.wait_for(&line, DEADLINE) {
                return Self {
                    addr,
                    process,
                    log,
                    host_keys,
                    directory,
                };
            }
            let _ = process.kill();
            process.wait().unwrap();
            let text = log.text();
            assert!(
                text.contains("Address already in use"),
                "sshd did not start (run tests/setup.sh first):\n{text}"
            );
        }
        panic!("none of {PORT_ATTEMPTS} ports stayed free");
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr.port()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ed25519, then RSA.
    pub(crate) fn host_keys(&self) -> &[KeyPair] {
        &self.host_keys
    }

    /// One line of `known_hosts` for each host key.
    pub(crate) fn known_hosts(&self) -> String {
        self.host_keys
            .iter()
            .map(|key| format!("[127.0.0.1]:{} {}\n", self.port(), key.public_line()))
            .collect()
    }

    /// Lets the owner of this key log in.
    pub(crate) fn authorise(&self, key: &KeyPair) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(self.directory.path().join("authorized_keys"))
            .unwrap();
        writeln!(file, "{}", key.public_line()).unwrap();
    }

    /// Log of sshd, of all connections together.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until sshd logs `pattern`.
    pub(crate) fn wait_log(&self, pattern: &str) {
        let found = self.log.wait_for(pattern, DEADLINE);
        assert!(found, "sshd never logged {pattern:?}:\n{}", self.log());
    }

    /// Waits until sshd has logged `pattern` so often.
    pub(crate) fn wait_log_count(&self, pattern: &str, count: usize) {
        let often = |text: &str| text.matches(pattern).count() >= count;
        let found = self.log.wait(DEADLINE, |text| often(text).then_some(()));
        let log = self.log();
        assert!(
            found.is_some(),
            "sshd never logged {pattern:?} {count} times:\n{log}"
        );
    }

    /// Kills the listener, every connection, and all their processes.
    pub(crate) fn kill(&mut self) {
        if self.process.try_wait().unwrap().is_some() {
            return;
        }
        let listener = Pid::from_child(&self.process);
        // Stopped first, so that it starts no further connection.
        let _ = kill_process(listener, Signal::STOP);
        for process in descendants(listener) {
            let _ = kill_process(process, Signal::KILL);
        }
        let _ = kill_process(listener, Signal::KILL);
        self.process.wait().unwrap();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("sshd at {} logged:\n{}", self.addr, self.log());
        }
    }
}

fn spawn(
    directory: &Path,
    addr: SocketAddr,
    lines: &[&str],
    host_keys: &[KeyPair],
) -> (Child, Log) {
    let config = directory.join("sshd_config");
    let extra: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let keys: String = host_keys
        .iter()
        .map(|key| format!("HostKey {}\n", key.path().display()))
        .collect();
    // The one keyword whose last line counts.
    let startups = if extra.contains("MaxStartups") {
        ""
    } else {
        "MaxStartups 1000:30:2000\n"
    };
    let text = format!(
        "{extra}\
         ListenAddress {addr}\n\
         {keys}\
         AuthorizedKeysFile {directory}/authorized_keys\n\
         PidFile none\n\
         LogLevel VERBOSE\n\
         StrictModes no\n\
         UsePAM yes\n\
         PasswordAuthentication yes\n\
         KbdInteractiveAuthentication yes\n\
         PubkeyAuthentication yes\n\
         AcceptEnv *\n\
         PermitTTY yes\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         UseDNS no\n\
         LoginGraceTime 120\n\
         MaxAuthTries 20\n\
         MaxSessions 100\n\
         {startups}",
        directory = directory.display(),
    );
    fs::write(&config, text).unwrap();
    let mut process = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sshd starts; run tests/setup.sh first");
    let log = Log::drain(process.stderr.take().unwrap());
    (process, log)
}

/// Children, their children, and so on.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let pairs: Vec<(i32, i32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name before the state may hold spaces and brackets of its own.
            let (_, after_name) = stat.rsplit_once(") ")?;
            let parent = after_name.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut family = vec![ancestor.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(pairs.iter().filter(|(_, p)| *p == parent).map(|(c, _)| *c));
        next += 1;
    }
    family
        .into_iter()
        .skip(1)
        .filter_map(Pid::from_raw)
        .collect()
}
