//! The one declaration of every setting: section, key, type, default, range, documentation, and
//! whether a reload applies it.
//!
//! Nothing else in the crate repeats a default. Relations between settings are in `validate`, the
//! named sets of values in `presets`.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::auth_methods::AuthMethods;
use super::origin::Origin;
use super::target::NamedTarget;
use super::units::{ByteSize, CpuList, HostPort, NodeName, PathPrefix, Shards};
use super::value::{Applies, Raw, Value, accepts_within, read_within, toml_string};
use crate::net::Net;

choices! {
    /// Selection of the shard that serves a new connection.
    Placement {
        /// The least loaded shard.
        Balanced = "balanced",
        /// The accepting shard, which the kernel's SO_REUSEPORT hash has chosen.
        Kernel = "kernel",
    }
}

choices! {
    /// Policy for a host key that is not in `ssh.known_hosts`.
    HostKeyPolicy {
        /// The connection is refused.
        Strict = "strict",
        /// The key is stored and trusted from then on.
        AcceptNew = "accept-new",
        /// The user decides, for that session alone.
        Ask = "ask",
        /// Any key is trusted, even a changed one.
        Off = "off",
    }
}

choices! {
    /// Header in which a trusted proxy names its client. Exactly one header is trusted: a proxy
    /// that sets one of them passes the others through as the client wrote them.
    ClientIpHeader {
        /// `X-Forwarded-For`, a list that each proxy appends to.
        XForwardedFor = "x-forwarded-for",
        /// `Forwarded` (RFC 7239), a list that each proxy appends to.
        Forwarded = "forwarded",
        /// `X-Real-IP`, one address that the proxy puts in place of any other.
        XRealIp = "x-real-ip",
    }
}

choices! {
    /// Traffic that keeps a session from being idle.
    IdleActivity {
        /// Input of the user and output of the target.
        Any = "any",
        /// Input of the user alone.
        Input = "input",
    }
}

choices! {
    /// Lowest severity that is logged.
    LogLevel {
        /// Failures of the bridge itself.
        Error = "error",
        /// Also conditions that an operator should look at.
        Warn = "warn",
        /// Also one line per session begun and ended.
        Info = "info",
        /// Also the stages of each session.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choices! {
    /// Format of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

/// Buffer of one connection in one direction.
const BUFFER: RangeInclusive<ByteSize> = ByteSize::kib(4)..=ByteSize::kib(1024);
/// An `auth` message carries a private key of up to 16 KiB, JSON-escaped: 32 KiB is the least.
const MESSAGE: RangeInclusive<ByteSize> = ByteSize::kib(32)..=ByteSize::kib(1024);
/// The limit table has a slot and a half of 128 bytes per possible connection: a million is 183
/// MiB.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// Receive buffer of one socket in the kernel.
const RECEIVE_BUFFER: RangeInclusive<ByteSize> = ByteSize::kib(16)..=ByteSize::kib(16 * 1024);
/// Range of `max_missed_pongs` and `keepalive_max`.
const PROBES: RangeInclusive<u32> = 1..=100;

/// Declaration of a setting.
pub(super) struct SettingSpec {
    /// Key, `section.name`.
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    /// Lines of the documentation, each with its leading space.
    pub(super) doc: &'static [&'static str],
    /// Description of the values that are accepted.
    pub(super) accepts: fn() -> String,
    pub(super) applies: Applies,
    /// Reads a value; the error says which are accepted, and the setting keeps the one it had.
    pub(super) assign: fn(&mut Config, &Raw<'_>) -> Result<(), String>,
    /// Copies the value from another configuration.
    pub(super) copy: fn(&mut Config, &Config),
    /// Writes the value as TOML.
    pub(super) write: fn(&Config) -> String,
}

/// Declaration of a section.
pub(super) struct SectionSpec {
    pub(super) name: &'static str,
    /// Lines of the documentation, each with its leading space.
    pub(super) doc: &'static [&'static str],
    pub(super) settings: &'static [SettingSpec],
}

/// Iterates over every setting, in the order of the declaration.
pub(super) fn settings() -> impl Iterator<Item = &'static SettingSpec> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

impl Config {
    /// Value of the setting named `key`, written as TOML; `None` for an unknown key.
    pub(super) fn toml_value(&self, key: &str) -> Option<String> {
        let setting = settings().find(|setting| setting.key == key)?;
        Some((setting.write)(self))
    }
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

settings! {
    /// The public listener and the shape of the process.
    server: Server {
        /// Addresses of the public port.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8022))], at restart;
        /// Number of shards, one pinned thread each; `auto` is one per allowed CPU.
        shards: Shards = Shards::Auto, at restart;
        /// CPUs the shards are pinned to; empty is every CPU the process may use.
        cpus: CpuList = CpuList::default(), at restart;
        /// Name of this node in logs and statistics; empty is the host's name.
        node: NodeName = NodeName::default(), at restart;
        /// Selection of the shard of a new connection: the least loaded one, or the kernel's
        /// choice.
        placement: Placement = Placement::Balanced, at restart;
        /// Connections per listener that wait in the kernel to be accepted.
        backlog: u32 = 4096, in 1..=65_535, at restart;
        /// Longest time from accept to the end of the HTTP upgrade. If it is not set, at least
        /// `tls.handshake_timeout`.
        upgrade_timeout: Duration = seconds(10);
        /// Longest time sessions get to end by themselves when the server stops.
        drain_timeout: Duration = seconds(30);
        /// Path before `/ws`; empty, or begins with `/` and does not end with it.
        path_prefix: PathPrefix = PathPrefix::default();
        /// Names, `host` or `host:port`, under which clients reach the bridge (Host and Origin).
        /// Without a port, pages of the scheme's own port (80, 443) are the bridge's.
        public_hosts: Vec<HostPort> = Vec::new();
        /// Origins, `https://app.example.org` or with `:port`, whose pages may connect besides the
        /// bridge's own.
        allowed_origins: Vec<Origin> = Vec::new();
        /// Addresses and networks of the proxies in front, which are trusted to name their client.
        /// Everyone in such a network can claim any client address.
        trusted_proxies: Vec<Net> = Vec::new();
        /// Header in which the trusted proxies send the client's address. It must be one that they
        /// set: any other header arrives as the client wrote it.
        client_ip_header: ClientIpHeader = ClientIpHeader::XForwardedFor;
        /// Unix socket over which the next process takes over the listeners; empty is none.
        takeover: Option<PathBuf> = None, at restart;
        /// Allows core dumps, and tracing by the process's own user; both expose passwords.
        core_dumps: bool = false, at restart;
        /// Allows a listener without TLS that other machines can reach.
        allow_plaintext: bool = false, at restart;
        /// Those of `listen` on which every connection begins with a PROXY protocol header.
        proxy_protocol: Vec<SocketAddr> = Vec::new(), at restart;
        /// Networks that may connect to the listeners of `proxy_protocol` and are trusted to name
        /// their client. Where both change, both wait for a restart.
        proxy_protocol_from: Vec<Net> = Net::loopback().to_vec();
        /// Connections per shard between accept and the end of the upgrade. When there are more,
        /// the client with the most loses its oldest.
        max_handshakes: u32 = 512, in 1..=65_535;
    }

    /// TLS on the public listener.
    tls: Tls {
        /// PEM file with the server's certificate, then those that sign it; empty is no TLS.
        cert_file: Option<PathBuf> = None, at switch;
        /// PEM file with its private key, not encrypted, which only its owner may read.
        key_file: Option<PathBuf> = None, at switch;
        /// Longest time for the TLS handshake.
        handshake_timeout: Duration = seconds(5);
    }

    /// The admin listener: health, metrics, statistics, sessions.
    admin: Admin {
        /// Addresses of this listener; none is off.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8023))], at restart;
        /// File with the token that every request must carry; empty is no token.
        token_file: Option<PathBuf> = None, at switch;
        /// Names, `host` or `host:port`, under which this listener is reached besides its own
        /// literal address and, on loopback, localhost (Host and Origin).
        allowed_hosts: Vec<HostPort> = Vec::new();
        /// Shows the names of SSH users.
        show_users: bool = false;
        /// Serves the operator's page there, at `/`.
        page: bool = true;
    }

    /// Bounds on the number of connections.
    limits: Limits {
        /// Sessions that are logged in, all shards together.
        max_connections: u32 = 1000, in CONNECTIONS;
        /// Sessions at one target address; as many again may be logging in there. If only one of
        /// this and `max_connections` is set, the other follows it where they would conflict.
        max_connections_per_host: u32 = 10, in CONNECTIONS;
        /// Connections that have not logged in yet.
        max_unauthenticated: u32 = 1000, in CONNECTIONS;
        /// Connections from one client address (/32 or /64); 0 is no limit.
        max_connections_per_client: u32 = 0, in 0..=1_000_000;
        /// Longest time from `auth` to the shell, all stages together; questions to the user not
        /// counted. If it is not set, it is at least the longest stage deadline that is set to
        /// another value than the default or a preset's.
        connection_timeout: Duration = seconds(30);
    }

    /// Bounds on the rate of attempts, per client (IPv4 address or IPv6 /64).
    rate_limit: RateLimit {
        /// Limits the requests of each client.
        enabled: bool = false;
        /// Requests a client may make at once, and in each period after.
        connections: u32 = 10, in 1..=10_000;
        /// Time in which `connections` become available again, one by one.
        period: Duration = seconds(2);
        /// Addresses and networks of clients that are exempt from all of these limits; nor do their
        /// failed logins count for `target_penalty`.
        exempt: Vec<Net> = Vec::new();
        /// Failed SSH logins of a client at one target address, or its wrong passphrases at any,
        /// before it must wait. 0 is no limit, and switches `target_penalty` off as well.
        login_failures: u32 = 2, in 0..=1000;
        /// Time after which a throttled client may fail once more.
        login_period: Duration = seconds(5);
        /// Seconds of penalty that ended logins of all clients together may run up at one target
        /// address, as sshd counts them (PerSourcePenalties): 5 for a failed login, 1 for a
        /// connection that ends before one, 20 for one of two minutes; each second takes one off.
        /// sshd bans the bridge above 15. 0 is no limit; otherwise the minimum is 10.
        target_penalty: Option<Duration> = Some(seconds(15));
        /// Clients that are remembered at once, 40 bytes each, and as many pairs of client and
        /// target.
        table_size: u32 = 65_536, in 1024..=16_777_216, at restart;
    }

    /// Admission tickets: signed statements of another server on who may log in where, and as whom.
    admission: Admission {
        /// File with the key of their signatures; empty is no tickets.
        ticket_key_file: Option<PathBuf> = None;
        /// Requires a ticket of every client.
        required: bool = false;
        /// Longest time from a ticket's issue to its use, whatever expiry it has itself.
        max_ticket_age: Duration = seconds(300);
    }

    /// The deadlines of a session.
    session: Session {
        /// Longest wait for the client's `auth` message.
        auth_timeout: Duration = seconds(30);
        /// Longest wait for a user to answer one prompt.
        prompt_timeout: Duration = seconds(60);
        /// Longest time a client may hold its output back.
        hold_timeout: Duration = seconds(600);
        /// Longest time without input or output; 0 is no limit.
        idle_timeout: Option<Duration> = None;
        /// Traffic that counts: `any` is input and output, `input` the user's input alone.
        idle_activity: IdleActivity = IdleActivity::Any;
        /// Longest life of a session; 0 is no limit.
        max_lifetime: Option<Duration> = None;
    }

    /// The client's side of a session.
    websocket: Websocket {
        /// Client input held per session; the protocol's `input_window`.
        read_buffer_size: ByteSize = ByteSize::kib(64), in BUFFER;
        /// Output held per session before the bridge stops reading from the target.
        write_buffer_size: ByteSize = ByteSize::kib(64), in BUFFER;
        /// Largest message of a client.
        read_limit: ByteSize = ByteSize::kib(64), in MESSAGE;
        /// Time between two pings of the server.
        ping_interval: Duration = seconds(30);
        /// Unanswered pings in a row that end the session.
        max_missed_pongs: u32 = 2, in PROBES;
        /// Longest time a client may take nothing of the output that waits for it.
        stall_timeout: Duration = seconds(60);
    }

    /// The target's side of a session.
    ssh: Ssh {
        /// Longest time for the TCP connection to the target.
        connect_timeout: Duration = seconds(10);
        /// Longest time for the SSH key exchange.
        handshake_timeout: Duration = seconds(10);
        /// Longest time for the SSH login, and before it for reading the client's private key;
        /// questions to the user not counted.
        auth_timeout: Duration = seconds(25);
        /// Policy for a host key that is not known.
        host_key_policy: HostKeyPolicy = HostKeyPolicy::Strict;
        /// File of known host keys.
        known_hosts: PathBuf = PathBuf::from("/etc/ssh/ssh_known_hosts");
        /// New host keys of one client that `accept-new` stores at once; all clients together have
        /// sixteen times as many.
        new_host_keys_per_client: u32 = 64, in 1..=1_000_000;
        /// Time after which `accept-new` may store one more key of a client.
        new_host_keys_period: Duration = seconds(600);
        /// Lines of `ssh.known_hosts` from which on `accept-new` stores no more keys.
        max_known_hosts_lines: u32 = 100_000, in 1..=10_000_000;
        /// Interval between two SSH keep-alives.
        keepalive_interval: Duration = seconds(60);
        /// Unanswered keep-alives in a row that are tolerated; one more ends the session.
        keepalive_max: u32 = 3, in PROBES;
        /// Most bcrypt rounds of a client's private key; each costs about 8 ms of CPU.
        max_kdf_rounds: u32 = 128, in 1..=1024;
        /// Offers NIST curves, group14 and other old algorithms too, and accepts servers without
        /// strict key exchange that have nothing else (CVE-2023-48795).
        legacy_algorithms: bool = false;
        /// Authentication methods that may be used; a named target may have its own.
        auth_methods: AuthMethods = AuthMethods::default();
        /// Receive buffer of the kernel for the target's socket.
        receive_buffer: ByteSize = ByteSize::kib(256), in RECEIVE_BUFFER;
    }

    /// Hosts that the bridge may connect to.
    targets: Targets {
        /// Rules such as `host:port`, `*.suffix:port`, `10.0.0.0/8:22`.
        allow: Vec<String> = Vec::new();
        /// Rules of the same kind that win over every other: no allowed or named target that they
        /// match is reached.
        deny: Vec<String> = Vec::new();
        /// Targets with a name, as `name=host:port`, or as a table that sets more: user, host keys,
        /// authentication methods, agent. `host_keys` must have the key that the host presents; the
        /// log of a refused one names its algorithm.
        named: Vec<NamedTarget> = Vec::new();
        /// Longest time for the resolution of a name.
        resolve_timeout: Duration = seconds(5);
        /// Names that are looked up at once, half as many of one client; while look-ups hang, up to
        /// four times as many threads.
        resolver_threads: u32 = 8, in 1..=256, at restart;
        /// Gives the client the same error for every failure to reach a target.
        uniform_errors: bool = false;
    }

    /// The dialect of clients that offer no subprotocol.
    compat: Compat {
        /// Serves such clients.
        enabled: bool = true;
    }

    /// Log of operation, on standard error.
    log: Log {
        /// Lowest severity that is logged.
        level: LogLevel = LogLevel::Info, at restart;
        /// Format of a log line: for people, or one JSON object per line.
        format: LogFormat = LogFormat::Text, at restart;
        /// Logs every message of the protocol at `debug`, without its content.
        messages: bool = false, at restart;
    }

    /// The audit log: a line for each session's start, login and end.
    audit: Audit {
        /// File of the audit log, appended to, reopened on SIGHUP; empty is off.
        file: Option<PathBuf> = None, at switch;
    }

    /// The terminal page on the public port.
    web: Web {
        /// Serves the page.
        enabled: bool = true;
        /// Offers the names of `targets.named` to everyone who opens the page.
        show_targets: bool = false;
        /// Origins, `https://portal.example.org` or with `:port`, whose pages may show the page in
        /// a frame and log in for the user; none (empty) is no frame at all.
        embed_origins: Vec<Origin> = Vec::new();
    }
}
