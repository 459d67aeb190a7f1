//! The one declaration of every setting: section, key, type, default, range, and what it bounds.
//!
//! Nothing else in the crate repeats a default. Relations between settings are in `validate`,
//! the named sets of values in `presets`.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::auth_methods::AuthMethods;
use super::node::NodeName;
use super::origin::Origin;
use super::target::NamedTargets;
use super::units::{ByteSize, CpuList, HostPort, PathPrefix, Shards};
use super::value::{Declared, Raw, Section, Value, accepts_within, quoted, read_within};
use crate::net::Net;

choices! {
    /// How a new connection finds its shard.
    Placement {
        /// The accepting shard hands it to the least loaded one.
        Balanced = "balanced",
        /// It stays where the kernel's SO_REUSEPORT hash put it.
        Kernel = "kernel",
    }
}

choices! {
    /// What happens when a target's host key is not in `ssh.known_hosts`.
    HostKeyPolicy {
        /// The connection is refused.
        Strict = "strict",
        /// The key is stored and believed from then on.
        AcceptNew = "accept-new",
        /// The user decides, for that session alone.
        Ask = "ask",
        /// Any key is believed, even a changed one.
        Off = "off",
    }
}

choices! {
    /// Where a trusted proxy says who its client is. Exactly one header is believed: a proxy that
    /// sets one of them passes the others through as the client wrote them.
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
    /// What keeps a session from being idle.
    IdleActivity {
        /// Input of the user and output of the target.
        Any = "any",
        /// Input of the user alone.
        Input = "input",
    }
}

choices! {
    /// The least severe events that are logged.
    LogLevel {
        /// Failures of the bridge itself.
        Error = "error",
        /// Also what an operator should look at.
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
    /// How a log line is written.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

/// What one connection may buffer in either direction, in bytes.
const BUFFER: RangeInclusive<ByteSize> = ByteSize::kib(4)..=ByteSize::kib(1024);
/// An `auth` message carries a private key of up to 16 KiB, JSON-escaped: 32 KiB is the least.
const MESSAGE: RangeInclusive<ByteSize> = ByteSize::kib(32)..=ByteSize::kib(1024);
/// The limit table has a cache line or two per possible connection: a million is 128 MiB.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// How many unanswered probes may be tolerated.
const PROBES: RangeInclusive<u32> = 1..=100;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

settings! {
    /// The public listener and the shape of the process.
    server: Server {
        /// Addresses of the public port.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8022))];
        /// Number of shards, one pinned thread each; `auto` is one per allowed CPU.
        shards: Shards = Shards::Auto;
        /// CPUs the shards are pinned to; empty is every CPU the process may use.
        cpus: CpuList = CpuList::default();
        /// Name of this node in logs and statistics; empty is the host's name.
        node: NodeName = NodeName::default();
        /// How a new connection finds its shard.
        placement: Placement = Placement::Balanced;
        /// Connections per listener that wait in the kernel to be accepted.
        backlog: u32 = 4096, in 1..=65_535;
        /// Longest time from accept to the end of the HTTP upgrade. If it is not set, at least
        /// `tls.handshake_timeout`.
        upgrade_timeout: Duration = seconds(10);
        /// Longest time sessions get to end by themselves when the server stops.
        drain_timeout: Duration = seconds(30);
        /// What stands before `/ws` in the path; empty, or begins with `/` and does not end with it.
        path_prefix: PathPrefix = PathPrefix::default();
        /// Names, `host` or `host:port`, under which clients reach the bridge (Host and Origin).
        /// Without a port, pages of the scheme's own port (80, 443) are the bridge's.
        public_hosts: Vec<HostPort> = Vec::new();
        /// Origins, `https://app.example.org` or with `:port`, whose pages may connect besides the
        /// bridge's own.
        allowed_origins: Vec<Origin> = Vec::new();
        /// Addresses and networks of the proxies in front, which are believed when they say who
        /// their client is. Everyone in such a network can say so.
        trusted_proxies: Vec<Net> = Vec::new();
        /// The one header in which they say it. It must be the one they set: the others come
        /// through as the client wrote them.
        client_ip_header: ClientIpHeader = ClientIpHeader::XForwardedFor;
        /// Unix socket over which a next process takes the listeners over; empty is none.
        takeover: Option<PathBuf> = None;
        /// Whether the process may leave core dumps and be traced by its own user; they hold passwords.
        core_dumps: bool = false;
        /// Whether a listener without TLS may be reachable from other machines.
        allow_plaintext: bool = false;
        /// Those of `listen` on which every connection begins with a PROXY protocol header.
        proxy_protocol: Vec<SocketAddr> = Vec::new();
        /// Networks whose hosts may connect there and are believed.
        proxy_protocol_from: Vec<Net> = Net::loopback().to_vec();
        /// Connections per shard between accept and the end of the upgrade; when there are more, the
        /// client with the most loses its oldest.
        max_handshakes: u32 = 512, in 1..=65_535;
    }

    /// TLS on the public listener.
    tls: Tls {
        /// PEM file with the server's certificate, then those that sign it; empty is no TLS.
        cert_file: Option<PathBuf> = None;
        /// PEM file with its private key, not encrypted, which only its owner may read.
        key_file: Option<PathBuf> = None;
        /// Longest time for the TLS handshake.
        handshake_timeout: Duration = seconds(5);
    }

    /// The administrator's listener: health, metrics, statistics, sessions.
    admin: Admin {
        /// Its addresses; none is off.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8023))];
        /// The file with the token every request must bring; empty is no token.
        token_file: Option<PathBuf> = None;
        /// Names, `host` or `host:port`, under which it is reached besides its own literal address
        /// and, on loopback, localhost (Host and Origin).
        allowed_hosts: Vec<HostPort> = Vec::new();
        /// Whether names of SSH users are shown.
        show_users: bool = false;
        /// Switch for serving the operator's page there, at `/`.
        page: bool = true;
    }

    /// How many connections there may be.
    limits: Limits {
        /// Sessions that are logged in, all shards together.
        max_connections: u32 = 1000, in CONNECTIONS;
        /// Sessions at one target address; as many again may be logging in there. Of this and
        /// `max_connections`, one that is not set follows the other where they would not agree.
        max_connections_per_host: u32 = 10, in CONNECTIONS;
        /// Connections that have not logged in yet.
        max_unauthenticated: u32 = 1000, in CONNECTIONS;
        /// Connections from one client address (/32 or /64); 0 is no limit.
        max_connections_per_client: u32 = 0, in 0..=1_000_000;
        /// Longest time from `auth` to the shell, all stages together; questions to the user not
        /// counted. If it is not set, at least the longest stage that is.
        connection_timeout: Duration = seconds(30);
    }

    /// How often one client (IPv4 address or IPv6 /64) may try.
    rate_limit: RateLimit {
        /// Whether new connections are limited.
        enabled: bool = false;
        /// Requests a client may make at once, and in each period after.
        connections: u32 = 10, in 1..=10_000;
        /// The time in which `connections` become free again, one by one.
        period: Duration = seconds(2);
        /// Addresses and networks of clients that none of these limits is for.
        exempt: Vec<Net> = Vec::new();
        /// Failed SSH logins a client has at one target address before it must wait; 0 is no limit.
        login_failures: u32 = 2, in 0..=1000;
        /// The time after which it has one more.
        login_period: Duration = seconds(5);
        /// Seconds of penalty that ended logins of all clients together may run up at one target
        /// address, as sshd counts them (PerSourcePenalties): 5 for a failed login, 1 for a
        /// connection that ends before one, 20 for one of two minutes; each second takes one off.
        /// sshd bans the bridge above 15. 0 is no limit, 10 the least.
        target_penalty: Duration = seconds(15);
        /// Clients that are remembered at once, 40 bytes each, and as many pairs of client and target.
        table_size: u32 = 65_536, in 1024..=16_777_216;
    }

    /// Tickets: a signed word of another server on who may log in, where and as whom.
    admission: Admission {
        /// The file with the key they are signed with; empty is no tickets.
        ticket_key_file: Option<PathBuf> = None;
        /// Whether nobody gets in without one.
        required: bool = false;
        /// Longest time from a ticket's making to its use, whatever it says itself.
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
        /// What counts for it: `any` is input and output, `input` the user's input alone.
        idle_activity: IdleActivity = IdleActivity::Any;
        /// Longest life of a session; 0 is no limit.
        max_lifetime: Option<Duration> = None;
    }

    /// The client's side of a session.
    websocket: Websocket {
        /// Client input held per session; the protocol's `input_window`.
        read_buffer_size: ByteSize = ByteSize::kib(64), in BUFFER;
        /// Output held per session before the SSH side is held back.
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
        /// What happens when a target's host key is not known.
        host_key_policy: HostKeyPolicy = HostKeyPolicy::Strict;
        /// The file of known host keys.
        known_hosts: PathBuf = PathBuf::from("/etc/ssh/ssh_known_hosts");
        /// New host keys of one client that `accept-new` stores at once; all clients together have
        /// sixteen times as many.
        new_host_keys_per_client: u32 = 64, in 1..=1_000_000;
        /// The time after which it stores one more.
        new_host_keys_period: Duration = seconds(600);
        /// Lines of `ssh.known_hosts` up to which it stores any.
        max_known_hosts_lines: u32 = 100_000, in 1..=10_000_000;
        /// Time without a sign of the target before it is asked for one.
        keepalive_interval: Duration = seconds(60);
        /// Unanswered keep-alives in a row that end the session.
        keepalive_max: u32 = 3, in PROBES;
        /// Most bcrypt rounds of a client's private key; each costs about 8 ms of CPU.
        max_kdf_rounds: u32 = 128, in 1..=1024;
        /// NIST curves, group14 and other old algorithms are offered too, and servers without
        /// strict key exchange accepted that have nothing else (CVE-2023-48795).
        legacy_algorithms: bool = false;
        /// Ways to log in that may be used; a named target may have its own.
        auth_methods: AuthMethods = AuthMethods::default();
        /// Receive buffer of the kernel for the target's socket.
        receive_buffer: ByteSize = ByteSize::kib(256), in ByteSize::kib(16)..=ByteSize::kib(16 * 1024);
    }

    /// Where the bridge may connect to.
    targets: Targets {
        /// Rules such as `host:port`, `*.suffix:port`, `10.0.0.0/8:22`.
        allow: Vec<String> = Vec::new();
        /// Rules of the same kind that win over every other: neither allowed nor named targets
        /// that they match are reached.
        deny: Vec<String> = Vec::new();
        /// Targets with a name, as `name=host:port`, or as a table that fixes more: user, host keys,
        /// methods, agent.
        named: NamedTargets = NamedTargets::default();
        /// Longest time for the resolution of a name.
        resolve_timeout: Duration = seconds(5);
        /// Names that are looked up at once, half as many of one client; while look-ups hang, up
        /// to four times as many threads.
        resolver_threads: u32 = 8, in 1..=256;
        /// Whether every failure to reach a target looks the same to the client.
        uniform_errors: bool = false;
    }

    /// The dialect of clients that offer no subprotocol.
    compat: Compat {
        /// Whether such clients are served.
        enabled: bool = true;
    }

    /// The log.
    log: Log {
        /// The least severe events that are logged.
        level: LogLevel = LogLevel::Info;
        /// How a log line is written.
        format: LogFormat = LogFormat::Text;
        /// Whether every message of the protocol is logged at `debug`, without its content.
        messages: bool = false;
    }

    /// The audit log: a line for each session's start, login and end.
    audit: Audit {
        /// Its file, appended to, opened again on SIGHUP; empty is off.
        file: Option<PathBuf> = None;
    }

    /// The terminal page on the public port.
    web: Web {
        /// Switch for serving it.
        enabled: bool = true;
        /// Names of `targets.named` are offered to everyone who opens it.
        show_targets: bool = false;
        /// Origins, `https://portal.example.org` or with `:port`, whose pages may show it in a frame
        /// and hand it a log-in; none (empty) is no frame at all.
        embed_origins: Vec<Origin> = Vec::new();
    }
}
