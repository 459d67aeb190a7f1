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
    let outcome = config::load(&cli.command.layers(config::environment()))
        .map_err(tools::ToolError::from)
        .and_then(|loaded| match cli.command {
            Command::Demo(demo) => tools::demo::run(&loaded, demo.shell),
            Command::Doctor(doctor) => tools::doctor::run(&loaded, &doctor),
            Command::Sessions(sessions) => tools::sessions::run(&loaded, &sessions),
            Command::Tune(tune) => tools::tune::run(&tune),
            Command::Serve(serve) => tools::serve::run(&loaded, &serve),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sshard: {}", plain_text::escaped_lines(&error.to_string()));
            ExitCode::from(error.exit_code())
        }
    }
}
