//! The program under test, as a process: started, watched, signalled, ended.

use super::log::Log;
use super::{DEADLINE, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

pub(crate) struct Bridge {
    process: Child,
    addrs: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    stdout: Log,
    stderr: Log,
}

impl Bridge {
    /// `sshard serve` with these arguments and environment, listening. Unless `args` has its own
    /// `--listen`, on a free port of 127.0.0.1.
    pub(crate) fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut all = vec!["serve"];
        if !args.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(args);
        Self::command(&all, env)
    }

    /// As [`Bridge::start`], with the words of a command line.
    pub(crate) fn serve(line: &str) -> Self {
        Self::start(&words(line), &[])
    }

    /// Starts any subcommand that announces its addresses, one for each `--listen`.
    pub(crate) fn command(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::under(&[], args, env)
    }

    /// As [`Bridge::command`], started by a program that becomes it, such as `taskset -c 0`.
    pub(crate) fn under(starter: &[&str], args: &[&str], env: &[(&str, &str)]) -> Self {
        let listeners = args.iter().filter(|arg| **arg == "--listen").count().max(1);
        let (process, stdout, stderr) = piped(&mut sshard(starter, args, env));
        let mut bridge = Self {
            process,
            addrs: Vec::new(),
            admin: None,
            stdout,
            stderr,
        };
        let addrs = bridge.stdout.wait(DEADLINE, |text| {
            let addrs = addresses(text, "listening on ");
            (addrs.len() >= listeners).then_some(addrs)
        });
        bridge.addrs = addrs.unwrap_or_else(|| {
            panic!(
                "`sshard {}` announced no listener:\n{}",
                args.join(" "),
                bridge.stdout()
            )
        });
        // Announced before the others.
        bridge.admin = addresses(&bridge.stdout(), "admin at ").first().copied();
        bridge
    }

    /// The first address it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// All of them, in the order announced.
    pub(crate) fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// The admin listener.
    pub(crate) fn admin_addr(&self) -> SocketAddr {
        self.admin.unwrap()
    }

    /// The WebSocket's address for `target`: `host/port` or a name.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("ws://{}/ws/{target}", self.addr())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Open file descriptors.
    pub(crate) fn fds(&self) -> usize {
        self.count("fd")
    }

    pub(crate) fn threads(&self) -> usize {
        self.count("task")
    }

    /// CPU time of the process, in steps of 10 ms.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // After the name in parentheses: user and system time are the 12th and 13th (proc(5)).
        let fields = stat.rsplit(')').next().unwrap().split_whitespace();
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .map(|n| n.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    /// Resets [`Bridge::peak_memory`].
    pub(crate) fn reset_peak_memory(&self) {
        // 5 stands for the peak (proc_pid_clear_refs(5)).
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    /// The most resident memory since the last reset, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory("status", "VmHWM:")
    }

    /// Resident memory of the process alone, in bytes. Its share of the program's file changes as
    /// other tests start and end bridges.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        self.memory("smaps_rollup", "Pss_Anon:")
    }

    /// A line `name N kB` of the file below `/proc/PID`, in bytes.
    fn memory(&self, file: &str, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() * 1024
    }

    fn count(&self, directory: &str) -> usize {
        let path = format!("/proc/{}/{directory}", self.pid());
        fs::read_dir(path).map_or(0, Iterator::count)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    pub(crate) fn has_exited(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let process = &mut self.process;
        poll(deadline, || process.try_wait().unwrap())
            .unwrap_or_else(|| panic!("still running after {deadline:?}"))
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Log so far. A line may come later than what a client sees of the same event: what must be
    /// in it is waited for, with [`Bridge::wait_stderr`].
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whole log of a bridge that has exited.
    pub(crate) fn whole_stderr(&self) -> String {
        self.stderr.whole()
    }

    /// Waits until `pattern` is printed.
    pub(crate) fn wait_stdout(&self, pattern: &str, deadline: Duration) {
        let found = self.stdout.wait_for(pattern, deadline);
        assert!(found, "{pattern:?} is not in {:?}", self.stdout());
    }

    /// Waits until the log holds `pattern` so often.
    pub(crate) fn wait_stderr_count(&self, pattern: &str, count: usize) {
        let often = |text: &str| text.matches(pattern).count() >= count;
        let found = self.stderr.wait(DEADLINE, |text| often(text).then_some(()));
        assert!(found.is_some(), "not logged {count} times: {pattern:?}");
    }

    /// Waits until the log holds `pattern`; the log is printed when this panics.
    pub(crate) fn wait_stderr(&self, pattern: &str, deadline: Duration) {
        let found = self.stderr.wait_for(pattern, deadline);
        assert!(found, "not logged within {deadline:?}: {pattern:?}");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("sshard logged:\n{}", self.stderr());
        }
    }
}

/// Result of a run that ended by itself.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `sshard` with these arguments, which is to end by itself.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> Finished {
    run_under(&[], args, env)
}

/// As [`run`], with the words of a command line.
pub(crate) fn run_line(line: &str) -> Finished {
    run(&words(line), &[])
}

/// Words of a command line without quotes.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// As [`run`], started by a program that becomes it.
pub(crate) fn run_under(starter: &[&str], args: &[&str], env: &[(&str, &str)]) -> Finished {
    let what = format!("`sshard {}`", args.join(" "));
    Finished::of(&mut sshard(starter, args, env), DEADLINE, &what)
}

impl Finished {
    /// Runs a program that is to end by itself, without input. One that is late is killed, and its
    /// output in the panic.
    pub(crate) fn of(command: &mut Command, within: Duration, what: &str) -> Self {
        Self::or_stopped(command, within, what, |process| process.kill().unwrap())
    }

    /// As [`Self::of`], with another way to end it.
    pub(crate) fn or_stopped(
        command: &mut Command,
        within: Duration,
        what: &str,
        stop: impl FnOnce(&mut Child),
    ) -> Self {
        let (mut process, stdout, stderr) = piped(command);
        let status = poll(within, || process.try_wait().unwrap());
        if status.is_none() {
            stop(&mut process);
            process.wait().unwrap();
        }
        let (stdout, stderr) = (stdout.whole(), stderr.whole());
        let status = status.unwrap_or_else(|| panic!("{what} does not end:\n{stdout}\n{stderr}"));
        Self {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

/// Starts the program without input; returns its output and errors beside it.
pub(crate) fn piped(command: &mut Command) -> (Child, Log, Log) {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let process = command.stderr(Stdio::piped()).spawn();
    let mut process = process.expect("the program starts; run tests/setup.sh first");
    let stdout = Log::drain(process.stdout.take().unwrap());
    let stderr = Log::drain(process.stderr.take().unwrap());
    (process, stdout, stderr)
}

fn sshard(starter: &[&str], args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut words = starter.iter().chain([&env!("CARGO_BIN_EXE_sshard")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    // Settings in the environment of the test run do not apply.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SSHARD_") {
            command.env_remove(name);
        }
    }
    // A free port, unless the test sets one or examines the settings themselves.
    let looks = ["--print-config", "--check", "--admin-listen"];
    let runs = args
        .first()
        .is_some_and(|arg| matches!(*arg, "serve" | "demo"));
    if runs && !args.iter().any(|arg| looks.contains(arg)) {
        command.env("SSHARD_ADMIN__LISTEN", "127.0.0.1:0");
        // Off, because tests fail to log in often; the tests of the throttle turn it on.
        command.env("SSHARD_RATE_LIMIT__LOGIN_FAILURES", "0");
    }
    if args.first() == Some(&"demo") {
        // Its shells must not read files of the user who runs the tests.
        command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
    }
    command.args(args).envs(env.iter().copied());
    command
}

/// The addresses of complete lines of an announcement, such as `listening on ADDRESS`.
fn addresses(text: &str, announcement: &str) -> Vec<SocketAddr> {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .filter_map(|line| line.split_once(announcement))
        .filter_map(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        .collect()
}
