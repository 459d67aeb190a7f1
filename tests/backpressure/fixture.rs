//! Fixture: a real sshd, the bridge with one shard, a key that logs in, and a directory in which
//! the remote programs record their progress.

use crate::common::{Bridge, Client, DEADLINE, KeyPair, Options, Sshd, poll};
use crate::numbered::Checker;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * 1024;

/// Most growth of the bridge's memory for one session. Far above what is held by design and far
/// below the bytes transferred.
const MAX_GROWTH: u64 = 8 * MIB;

/// Most bytes between a remote program and a client that does not read: in buffers of both
/// connections, of sshd and of the terminal, mostly the kernel's.
const MAX_UNDER_WAY: u64 = 12 * MIB;

/// Small receive buffer of the client's socket, in bytes. A smaller one would not hold a segment of
/// the loopback device, and most packets would be retransmissions.
pub(crate) const SMALL_BUFFER: usize = 64 * 1024;

pub(crate) struct BulkFixture {
    pub(crate) sshd: Sshd,
    pub(crate) bridge: Bridge,
    key: KeyPair,
    directory: tempfile::TempDir,
    /// Peak of the bridge's memory, in bytes, when it began to be watched.
    memory: u64,
}

impl BulkFixture {
    /// `sshd_lines` go to sshd_config, `settings` to the bridge as `--set`.
    pub(crate) fn start(sshd_lines: &[&str], settings: &[&str]) -> Self {
        let sshd = Sshd::with(sshd_lines);
        let key = KeyPair::generate(&["-t", "ed25519"], "");
        sshd.authorise(&key);
        let allow = sshd.addr().to_string();
        let mut args = vec!["--shards", "1", "--allow", &allow];
        for setting in ["ssh.host_key_policy=off"].iter().chain(settings) {
            args.extend(["--set", setting]);
        }
        let bridge = Bridge::start(&args, &[]);
        let directory = tempfile::tempdir().unwrap();
        // The remote programs run as the account.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        for (name, text) in [
            ("bulk_output.pl", include_str!("bulk_output.pl")),
            ("never_reads.pl", include_str!("never_reads.pl")),
        ] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let mut fixture = Self {
            sshd,
            bridge,
            key,
            directory,
            memory: 0,
        };
        fixture.watch_memory();
        fixture
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Opens a session that runs `command`; returns it with its `ready`. `fields` are added to
    /// `auth`.
    pub(crate) fn open(&self, command: &str, fields: &Value, options: &Options) -> (Client, Value) {
        let path = format!("/ws/127.0.0.1/{}", self.sshd.port());
        let mut client = Client::connect(self.bridge.addr(), &path, options);
        let mut auth = json!({
            "username": "sshard-test",
            "private_key": self.key.private_pem(),
            "command": command,
        });
        for (name, value) in fields.as_object().unwrap() {
            auth[name] = value.clone();
        }
        client.auth_v1(&auth);
        let ready = client.wait_type("ready");
        (client, ready)
    }

    /// Bytes of bulk output written so far.
    pub(crate) fn produced(&self) -> u64 {
        self.number("produced")
    }

    /// Returns the number in a file of a remote program.
    fn number(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.path().join(name)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Waits until bulk output is held back, and checks that it is not far beyond `read` bytes.
    pub(crate) fn wait_throttled(&self, read: u64) {
        let mut last = u64::MAX;
        let mut same = 0;
        let stopped = poll(DEADLINE, || {
            let now = self.produced();
            same = if now == last { same + 1 } else { 0 };
            last = now;
            let ahead = now.saturating_sub(read);
            assert!(
                ahead <= MAX_UNDER_WAY,
                "{read} bytes were read, and already {now} produced"
            );
            (same == 100 && now > 0).then_some(())
        });
        assert!(
            stopped.is_some(),
            "bulk output goes on: {last} bytes, read {read}"
        );
    }

    /// Waits until the remote program has had `count` SIGINT.
    pub(crate) fn wait_interrupts(&self, count: u64) {
        let came = poll(DEADLINE, || {
            (self.number("interrupts") >= count).then_some(())
        });
        assert!(
            came.is_some(),
            "SIGINT number {count} never came; there were {}",
            self.number("interrupts")
        );
    }

    /// Begins to watch the bridge's memory, after a whole session, so that memory that a process
    /// needs once, such as code not used before, does not count.
    fn watch_memory(&mut self) {
        let count = 2 * MIB;
        let command = format!("stty raw -echo && head -c {count} /dev/zero");
        let (mut client, _) = self.open(&command, &json!({}), &Options::v1());
        assert_eq!(client.until_close().0, 1000);
        assert_eq!(client.output.len() as u64, count);
        self.bridge.reset_peak_memory();
        self.memory = self.bridge.peak_memory();
    }

    /// Asserts that the peak since the start is little above the memory then.
    pub(crate) fn check_memory(&self) {
        let (before, peak) = (self.memory, self.bridge.peak_memory());
        assert!(
            peak <= before + MAX_GROWTH,
            "the bridge grew from {} to {} KiB",
            before / KIB,
            peak / KIB
        );
    }
}

/// Session with bulk output, of which every byte is checked.
pub(crate) struct BulkSession {
    pub(crate) fixture: BulkFixture,
    pub(crate) client: Client,
    pub(crate) checker: Checker,
    total: u64,
}

impl BulkSession {
    /// Starts a program that writes `total` bytes; the rest as for [`BulkFixture`].
    pub(crate) fn start(
        total: u64,
        sshd_lines: &[&str],
        fields: &Value,
        options: &Options,
    ) -> Self {
        let fixture = BulkFixture::start(sshd_lines, &[]);
        let directory = fixture.path().display();
        // Ctrl-C is counted, and discards no output.
        let command = format!(
            "stty -opost -echo noflsh && exec perl {directory}/bulk_output.pl {directory} {total}"
        );
        Self {
            client: fixture.open(&command, fields, options).0,
            fixture,
            checker: Checker::default(),
            total,
        }
    }

    /// Reads and checks output until `count` bytes were checked in all.
    pub(crate) fn read_to(&mut self, count: u64) {
        self.checker.read_to(&mut self.client, count);
    }

    /// Waits until output is held back.
    pub(crate) fn wait_throttled(&self) {
        self.fixture.wait_throttled(self.checker.seen());
    }

    /// Sends Ctrl-C, and waits until it has arrived for the `count`th time.
    pub(crate) fn interrupt(&mut self, count: u64) {
        self.client.send_binary(&[3]);
        self.fixture.wait_interrupts(count);
    }

    /// Reads to the end. Asserts that all output came, that the program succeeded, and that memory
    /// was bounded all along.
    pub(crate) fn read_out(&mut self) {
        self.fixture.check_memory();
        self.read_to(self.total);
        assert_eq!(self.client.wait_type("exit")["status"], 0);
        assert_eq!(self.client.until_close().0, 1000);
        assert!(self.client.output.is_empty(), "more came than was written");
        self.fixture.check_memory();
    }
}

/// Waits for a pong, so that the bridge has read all that the client sent before.
pub(crate) fn ping(client: &mut Client, data: &str) {
    client.send_json(&json!({ "type": "ping", "data": data }));
    let pong = client.wait_type("pong");
    assert_eq!(pong["data"], data);
}

/// Wait for an event that must not come.
pub(crate) const QUIET: Duration = Duration::from_millis(300);
