//! The `sshard` program: parse, load the configuration, run the subcommand.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 78 bad configuration (sysexits.h).

use clap::Parser;
use sshard::cli::{Cli, Command};
use sshard::{config, plain_text, tools};
use std::process::ExitCode;

fn main() -> ExitCode {
    sshard::allocator::keep_what_is_freed();
    let cli = Cli::parse();
    let layers = cli.command.layers(config::environment());
    let read = || config::read(&layers).map_err(tools::ToolError::from);
    let outcome = match cli.command {
        #[cfg(feature = "evaluation")]
        Command::Demo(demo) => tools::demo::run(&layers, &demo),
        Command::Doctor(doctor) => read().and_then(|loaded| tools::doctor::run(&loaded, &doctor)),
        Command::Sessions(sessions) => {
            read().and_then(|loaded| tools::sessions::run(&loaded, &sessions))
        }
        #[cfg(feature = "evaluation")]
        Command::Tune(tune) => tools::tune::run(&tune),
        Command::Serve(serve) => tools::serve::run(&layers, &serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sshard: {}", plain_text::escaped_lines(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}
