//! Table of the modules, and of the modules that each may name.

/// Rows for all modules of the crate, in the form that [`crate::rules::rows`] reads. The longest
/// name that contains a module is its row. It may name the modules and single items listed there,
/// and always items inside its own row.
pub(crate) const MODULES: &str = "\
main: parses the command line, loads the configuration, runs
    cli plain_text config tools server telemetry error allocator
cli: flags become a layer of the configuration and nothing else
    config
tools: a subcommand starts a server or talks to one; it sees no session
    server cli::Demo cli::Doctor cli::Serve cli::Sessions cli::SessionsAction cli::Tune
    control::admin::CSRF_HEADER control::admin::CSRF_VALUE control::Token control::TokenError
    control::warn_of_host_keys plain_text config telemetry error clock
tools::demo: a subcommand that brings its own SSH server and a page to link to
    server config telemetry error clock cli::Demo web::has_page tools::ToolError
    tools::print_text tools::announce
server: builds what the shards share, then places, starts and stops them
    control runtime shard bridge::SessionContext bridge::ConfigSnapshot bridge::SnapshotError
    bridge::LoginThrottle registry limits targets ssh telemetry workers config error clock
control: reaches a shard by its command channel alone; the rest it reads
    shard::Command shard::CommandSender shard::ProcessLifecycle shard::Placement shard::Drain
    bridge::ConfigSnapshot bridge::SharedSnapshot bridge::SnapshotError registry limits http web
    ws::Tls ssh::known_hosts targets::OwnListeners workers telemetry plain_text config secret_file
    append_file::directory error clock
shard: accepts connections and owns sessions; what a session does is the bridge's
    http bridge limits ws ssh::install_loop_spawner runtime registry telemetry config error
    clock
http: from a request to an upgrade; it knows no session
    ws targets message web telemetry::OwnCounters config net error clock words
web: files and their headers; who may ask is decided before
    config words
bridge: the only module that joins WebSocket and SSH
    runtime message ws ssh targets limits ticket registry telemetry config error clock workers
bridge::state: pure: events and instants change what the session owns; no step back to the session
    bridge::attachment::Attachment bridge::attachment::SocketState bridge::timers bridge::uplink
    registry::State message ssh::SshEvent limits config error
bridge::uplink: pure: what waits for the SSH server; who sends it is the shell's affair
    bridge::queue message
bridge::attachment: one client; it knows no session and no SSH
    bridge::downlink::ClientFlow bridge::timers bridge::queue ws runtime message config error
bridge::downlink: output on its way; it knows neither its client nor its session
    bridge::queue ws::MAX_OUTPUT_FRAME ssh runtime error clock
bridge::timers: pure: a table of instants
    config error
bridge::queue: pure: an empty queue holds no memory
ws: one WebSocket; it never sees SSH
    runtime config secret_file error clock message
ssh: one SSH connection; it never sees a WebSocket, and of the messages only values
    append_file config error clock workers message::Credentials message::WindowSize
    message::Secret message::TerminalRequest message::SignalName message::Exit
    message::KeyRecord message::Prompt message::cut message::escape_remote_text runtime net
    limits::Rate limits::RateTable
targets: which address may be connected to; it opens no socket
    config net error workers
ticket: verifies a signed ticket; what it admits to is the bridge's
    config net secret_file error message::MAX_TICKET
limits: checked by loom on its own
message: bytes in, values out
    plain_text words
telemetry: counts and writes; it asks nothing of those it counts
    registry::State limits append_file plain_text config error clock words
registry: records that a session writes and everyone reads
    clock words
workers: threads for work that blocks, whatever the work is
    net
runtime: a shard's loop: tasks, timers and sockets, whatever they are for
    clock
allocator: settings of the system's allocator
config: everything reads it, so it reads next to nothing
    net plain_text
error: a bad message is one of the causes in its table
    message words
plain_text: escapes text of others, wherever it is shown
words: enums of stable words, wherever they are used
net: arithmetic of addresses
append_file: what all files that are appended to have in common
secret_file: what all files with a secret in them have in common
clock: names no module
";
