//! `sshard serve`: checks, prints or runs a configuration.

use super::{ToolError, announce, print_text};
use crate::cli::Serve;
use crate::config::{self, Layers, Loaded, Log, LogLevel, Parsed};
use crate::control::warn_of_host_keys;
use crate::plain_text;
use crate::server::{self, Server};
use crate::telemetry;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::io::{self, IsTerminal};
use std::sync::Arc;

/// Text below the addresses, for a person at a terminal.
const AT_A_TERMINAL: &str = "\
sshard: Ctrl-C starts a drain: the bridge ends with its last session, or at server.drain_timeout; a \
second Ctrl-C ends it at once. Closing this terminal does not end it: on SIGHUP it reads its \
configuration again and goes on in the background until SIGTERM.";

/// Checks, prints or serves, as the flags say. Serves until a signal.
///
/// # Errors
/// [`ToolError`].
pub fn run(layers: &Layers, flags: &Serve) -> Result<(), ToolError> {
    if let Some(parent) = flags.with_parent {
        end_with(parent).map_err(ToolError::Parent)?;
    }
    let parsed = config::parse(layers)?;
    if flags.print_config {
        let loaded = &parsed.loaded;
        let text = if flags.changed {
            loaded.print_changed()
        } else {
            loaded.print()
        };
        print_text(text)?;
        if !flags.check {
            print_refusals(parsed);
            return Ok(());
        }
    }
    let loaded = parsed.require_servable()?;
    if flags.check {
        return check(&loaded, flags);
    }
    server::check(&loaded.config)?;
    serve(loaded)
}

/// Names what `serve` would refuse of a configuration that was printed.
fn print_refusals(parsed: Parsed) {
    let wrong = match parsed.require_servable() {
        Err(errors) => errors.to_string(),
        Ok(_) => return,
    };
    eprintln!(
        "sshard: printed, but `serve` would refuse it:\n{}",
        plain_text::escaped_lines(&wrong)
    );
}

/// Checks whether the configuration could be served here, now.
fn check(loaded: &Loaded, flags: &Serve) -> Result<(), ToolError> {
    let config = &loaded.config;
    // Warnings alone: skipped lines of files, an expired certificate.
    let _log = telemetry::start_logging(&Log {
        level: LogLevel::Warn,
        ..config.log.clone()
    });
    warn_of_ignored_variables(loaded);
    warn_of_host_keys(&config.ssh);
    server::check(config)?;
    for taken in server::check_addresses(config)? {
        eprintln!(
            "sshard: note: {taken} is in use now. If that is not the bridge this one is to \
             replace, `serve` will not start"
        );
    }
    // Behind a printed configuration it must not spoil the file.
    let comment = if flags.print_config { "# " } else { "" };
    Ok(print_text(format_args!(
        "{comment}the configuration is good\n"
    ))?)
}

/// Warns of variables that are probably misspelt settings.
fn warn_of_ignored_variables(loaded: &Loaded) {
    for variable in loaded.ignored_variables() {
        tracing::warn!(
            variable = %variable.name,
            did_you_mean = variable.meant,
            "environment variable ignored: it names no setting; settings are SSHARD_SECTION__KEY"
        );
    }
}

fn serve(loaded: Loaded) -> Result<(), ToolError> {
    let config = Arc::clone(&loaded.config);
    let _log = telemetry::start_logging(&config.log);
    warn_of_ignored_variables(&loaded);
    warn_of_host_keys(&config.ssh);
    let server = Server::start(loaded, true)?;
    if let Err(error) = announce(&server) {
        // It may have taken over already: no other process would serve.
        tracing::warn!(%error, "the addresses could not be printed on standard output");
    }
    if io::stdin().is_terminal() || io::stderr().is_terminal() {
        // A person may expect that closing the terminal ends the program.
        eprintln!("{AT_A_TERMINAL}");
    }
    server.run().map_err(ToolError::ShardDied)
}

/// The kernel ends this process with the thread that started it.
fn end_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before the kernel knew.
    let now = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if u32::try_from(now) != Ok(parent) {
        return Err(io::Error::other(format!(
            "the parent is process {now}, not {parent}, which has probably ended"
        )));
    }
    Ok(())
}
