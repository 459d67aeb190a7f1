//! A program as a child process, on a pseudo-terminal or on pipes, in a session of its own.
//!
//! Starts, resizes and signals the process and returns how it ended. Moves no bytes; nothing of SSH
//! is here.

use super::program::Program;
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{
    InputModes, OptionalActions, Winsize, tcgetattr, tcgetpgrp, tcsetattr, tcsetwinsize,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::{Child, Command};

/// Program that runs another in a session of its own, without this process's terminal.
const SETSID: &str = "setsid";

/// Write end of a process's standard input.
pub(super) type Input = Box<dyn AsyncWrite + Send + Unpin>;
/// Source of a process's bytes. A pseudo-terminal ends with an error (EIO), not with 0.
pub(super) type Output = Box<dyn AsyncRead + Send + Unpin>;

/// Terminal of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terminal {
    /// Value of TERM.
    pub(super) term: String,
    /// Size in characters.
    pub(super) size: Size,
}

/// Size of a terminal, in characters and in pixels (0 for unknown).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Width in characters.
    pub(super) columns: u16,
    /// Height in characters.
    pub(super) rows: u16,
    /// Width in pixels.
    pub(super) width: u16,
    /// Height in pixels.
    pub(super) height: u16,
}

/// Requested program: command, environment and terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// A command line for the shell; without, the program itself.
    pub(super) command: Option<String>,
    /// Variables beside the program's own.
    pub(super) env: Vec<(String, String)>,
    /// The terminal, if there is to be one.
    pub(super) terminal: Option<Terminal>,
}

/// A running process, in parts that different loops can own.
pub(super) struct Process {
    /// Child process. Killed when dropped.
    pub(super) child: Child,
    /// Standard input.
    pub(super) input: Input,
    /// Standard output; on a terminal standard error too.
    pub(super) output: Output,
    /// Standard error, unless it has a terminal.
    pub(super) errors: Option<Output>,
    /// Size and signals.
    pub(super) control: Control,
}

/// Handle for size and signals. Drop sends SIGHUP to the process.
pub(super) struct Control {
    /// The controlling side of the terminal.
    terminal: Option<OwnedFd>,
    /// The process and the group it leads, until it is known to have ended.
    leader: Option<Pid>,
}

/// Starts the program, or a command by its shell.
///
/// # Errors
/// The program cannot be run, or no pseudo-terminal can be created.
pub(super) fn spawn(program: &Program, request: &Request) -> io::Result<Process> {
    let path = match request.command {
        Some(_) => &program.shell,
        None => &program.path,
    };
    match &request.terminal {
        Some(terminal) => {
            let mut process = Command::new(path);
            if request.command.is_none() {
                process.arg0(program.name());
            }
            on_terminal(prepared(process, program, request), terminal)
        }
        None => {
            let mut process = Command::new(SETSID);
            process.arg(path);
            on_pipes(prepared(process, program, request))
        }
    }
}

fn prepared(mut process: Command, program: &Program, request: &Request) -> Command {
    if let Some(command) = &request.command {
        process.arg("-c").arg(command);
    }
    process.env_clear().envs(&program.env);
    process.envs(request.env.iter().map(|(name, value)| (name, value)));
    if program.home.is_dir() {
        process.current_dir(&program.home);
    }
    process.kill_on_drop(true);
    process
}

fn on_terminal(mut process: Command, terminal: &Terminal) -> io::Result<Process> {
    let (pty, pts) = pty_process::open().map_err(io::Error::other)?;
    let master = pty.as_fd().try_clone_to_owned()?;
    set_size(&master, terminal.size)?;
    let mut modes = tcgetattr(&master)?;
    // Backspace in a line takes back a character, not a byte.
    modes.input_modes |= InputModes::IUTF8;
    tcsetattr(&master, OptionalActions::Now, &modes)?;
    process.env("TERM", &terminal.term);
    let name = std::fs::read_link(format!("/proc/self/fd/{}", pts.as_raw_fd()))?;
    process.env("SSH_TTY", name);
    let child = pty_process::Command::from(process).spawn(pts);
    let child = child.map_err(io::Error::other)?;
    let (output, input) = pty.into_split();
    Ok(Process {
        control: Control::of(&child, Some(master)),
        child,
        input: Box::new(input),
        output: Box::new(output),
        errors: None,
    })
}

fn on_pipes(mut process: Command) -> io::Result<Process> {
    process.stdin(Stdio::piped()).stdout(Stdio::piped());
    process.stderr(Stdio::piped());
    let mut child = process.spawn()?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("the process has no pipes"));
    };
    Ok(Process {
        control: Control::of(&child, None),
        child,
        input: Box::new(input),
        output: Box::new(output),
        errors: Some(Box::new(errors)),
    })
}

fn set_size(terminal: &OwnedFd, size: Size) -> io::Result<()> {
    let size = Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: size.width,
        ws_ypixel: size.height,
    };
    Ok(tcsetwinsize(terminal, size)?)
}

impl Control {
    fn of(child: &Child, terminal: Option<OwnedFd>) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        let leader = leader.and_then(Pid::from_raw);
        Self { terminal, leader }
    }

    /// Sets the size of the terminal, which signals the process. Without a terminal nothing
    /// happens.
    ///
    /// # Errors
    /// Error of the kernel.
    pub(super) fn resize(&self, size: Size) -> io::Result<()> {
        self.terminal
            .as_ref()
            .map_or(Ok(()), |terminal| set_size(terminal, size))
    }

    /// Signals the foreground group of the terminal, or the group of the process.
    ///
    /// # Errors
    /// The kernel's; `NotFound` once the process has ended.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        let foreground = self.terminal.as_ref().map(tcgetpgrp).transpose()?;
        let group = foreground.or(self.leader).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process_group(group, signal)?)
    }

    /// Forgets the process, which has been waited for: its id may be another's now.
    pub(super) fn ended(&mut self) {
        self.leader = None;
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(leader) = self.leader {
            // Ignored: it may have ended by itself.
            let _ = kill_process_group(leader, Signal::HUP);
        }
    }
}

/// End of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Exit with this status.
    Status(u32),
    /// Death by this signal (its number), with or without a core dump.
    Signal(i32, bool),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Status(u32::from_ne_bytes(code.to_ne_bytes())),
            (None, Some(signal)) => Self::Signal(signal, status.core_dumped()),
            // A process that is only stopped is not reported as ended.
            (None, None) => Self::Status(u32::MAX),
        }
    }
}
