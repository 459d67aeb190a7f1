//! The built-in shell's commands: one line in, what to print and how to go on out.
//!
//! Pure: no I/O and no runtime. It neither edits lines nor writes to a channel; a command that
//! prints without end (`count`) is only named here and is carried out by the caller, who knows
//! when the channel can take more.

/// Shown once, when a terminal opens. Lines end in `\n` alone, as everywhere in this file.
pub(super) const GREETING: &str =
    "Welcome to the sshard demo shell. Type `help` for a list of commands.\n";

const HELP: &str = "\
help            this list
echo TEXT...    print TEXT
size            columns and rows of the terminal, as they are now
colors          the colours of the terminal
count N         print 1 to N; Ctrl-C stops it
whoami          name of the user
env             environment variables that the client sent
exit [STATUS]   leave, with STATUS (0 to 255)
";

/// Status of a command that was used wrongly.
pub(super) const STATUS_USAGE: u32 = 2;
/// Status of a command that does not exist, as in POSIX shells.
pub(super) const STATUS_NOT_FOUND: u32 = 127;
/// Status of a command ended by SIGINT, as in POSIX shells (128 + 2).
pub(super) const STATUS_INTERRUPTED: u32 = 130;

/// What a command can see.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// Name of the user.
    pub(super) user: &'a str,
    /// Columns and rows, if there is a terminal.
    pub(super) size: Option<(u16, u16)>,
    /// Environment variables of the client.
    pub(super) env: &'a [(String, String)],
    /// Status of the command before.
    pub(super) last_status: u32,
}

/// What a line amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Print, and go on.
    Done {
        /// For the terminal; lines end in `\n`.
        output: String,
        /// Status of the command.
        status: u32,
    },
    /// Print the numbers 1 to this one, a line each, until interrupted.
    Count(u64),
    /// Leave the shell.
    Exit(u32),
}

/// Carries out one line. An empty line keeps the status of the command before.
pub(super) fn run(line: &str, context: &Context<'_>) -> Step {
    let Some(words) = split(line) else {
        return failure("a quote is not closed");
    };
    let mut words = words.iter().map(String::as_str);
    let Some(command) = words.next() else {
        return Step::Done {
            output: String::new(),
            status: context.last_status,
        };
    };
    let arguments: Vec<&str> = words.collect();
    match (command, arguments.as_slice()) {
        ("echo", words) => success(format!("{}\n", words.join(" "))),
        ("help", []) => success(HELP.to_owned()),
        ("size", []) => size(context.size),
        ("colors", []) => success(colors()),
        ("whoami", []) => success(format!("{}\n", context.user)),
        ("env", []) => {
            let line = |(name, value): &(String, String)| format!("{name}={value}\n");
            success(context.env.iter().map(line).collect())
        }
        ("count", [number]) => match number.parse() {
            Ok(number) => Step::Count(number),
            Err(_) => failure("count: N must be a whole number"),
        },
        ("count", _) => failure("count: one number, please"),
        ("exit", []) => Step::Exit(context.last_status),
        ("exit", [status]) => match status.parse::<u8>() {
            Ok(status) => Step::Exit(status.into()),
            Err(_) => failure("exit: STATUS must be 0 to 255"),
        },
        ("exit", _) => failure("exit: at most one STATUS"),
        ("help" | "size" | "colors" | "whoami" | "env", _) => {
            failure(&format!("{command}: no arguments, please"))
        }
        _ => Step::Done {
            output: format!("{}: command not found; try `help`\n", printable(command)),
            status: STATUS_NOT_FOUND,
        },
    }
}

fn success(output: String) -> Step {
    Step::Done { output, status: 0 }
}

fn failure(message: &str) -> Step {
    Step::Done {
        output: format!("{message}\n"),
        status: STATUS_USAGE,
    }
}

fn size(size: Option<(u16, u16)>) -> Step {
    match size {
        Some((columns, rows)) => success(format!("{columns} x {rows}\n")),
        None => Step::Done {
            output: "size: there is no terminal\n".to_owned(),
            status: 1,
        },
    }
}

/// The 16 named colours, the 24 greys, and a row of true colour.
fn colors() -> String {
    let mut out = String::new();
    for row in [0, 8] {
        let block = |n: u32| format!("\x1b[48;5;{}m    ", row + n);
        out.extend((0..8).map(block));
        out.push_str("\x1b[0m\n");
    }
    out.extend((232..256).map(|n| format!("\x1b[48;5;{n}m ")));
    out.push_str("\x1b[0m\n");
    let shade = |n: u32| format!("\x1b[48;2;{};{};128m ", n * 8, 255 - n * 8);
    out.extend((0..32).map(shade));
    out.push_str("\x1b[0m\n");
    out
}

/// A command line may come from `exec` with anything in it; a message about it must not.
fn printable(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control());
    shown.take(64).collect()
}

/// Words as blanks separate them; single and double quotes keep blanks. `None`: a quote is open.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::{Context, STATUS_NOT_FOUND, STATUS_USAGE, Step, run};

    fn step(line: &str) -> Step {
        let env = [("LANG".to_owned(), "C.UTF-8".to_owned())];
        let context = Context {
            user: "demo",
            size: Some((100, 30)),
            env: &env,
            last_status: 3,
        };
        run(line, &context)
    }

    fn done(output: &str, status: u32) -> Step {
        Step::Done {
            output: output.to_owned(),
            status,
        }
    }

    #[test]
    fn lines_do_what_they_say() {
        let table = [
            ("", done("", 3)),
            ("  \t ", done("", 3)),
            ("echo", done("\n", 0)),
            ("echo  a   b", done("a b\n", 0)),
            ("echo 'a   b' \"c'd\"", done("a   b c'd\n", 0)),
            ("echo ''x \"\"", done("x \n", 0)),
            ("echo 'a", done("a quote is not closed\n", STATUS_USAGE)),
            ("size", done("100 x 30\n", 0)),
            ("whoami", done("demo\n", 0)),
            ("env", done("LANG=C.UTF-8\n", 0)),
            ("env x", done("env: no arguments, please\n", STATUS_USAGE)),
            ("count 5", Step::Count(5)),
            (
                "count -1",
                done("count: N must be a whole number\n", STATUS_USAGE),
            ),
            ("count", done("count: one number, please\n", STATUS_USAGE)),
            ("exit", Step::Exit(3)),
            ("exit 7", Step::Exit(7)),
            (
                "exit 256",
                done("exit: STATUS must be 0 to 255\n", STATUS_USAGE),
            ),
            (
                "l\x1bs -l",
                done("ls: command not found; try `help`\n", STATUS_NOT_FOUND),
            ),
        ];
        for (line, expected) in table {
            assert_eq!(step(line), expected, "line {line:?}");
        }
    }

    #[test]
    fn help_names_every_command() {
        let Step::Done { output, status: 0 } = step("help") else {
            unreachable!("help prints");
        };
        for command in output
            .lines()
            .filter_map(|line| line.split_whitespace().next())
        {
            let unknown = matches!(
                step(command),
                Step::Done {
                    status: STATUS_NOT_FOUND,
                    ..
                }
            );
            assert!(!unknown, "{command} is in the help only");
        }
    }

    #[test]
    fn every_line_of_colors_ends_plain() {
        let Step::Done { output, .. } = step("colors") else {
            unreachable!("colors prints");
        };
        assert!(output.lines().count() >= 4);
        assert!(output.lines().all(|line| line.ends_with("\x1b[0m")));
    }

    #[test]
    fn without_a_terminal_there_is_no_size() {
        let context = Context {
            user: "demo",
            size: None,
            env: &[],
            last_status: 0,
        };
        let answer = run("size", &context);
        assert_eq!(answer, done("size: there is no terminal\n", 1));
    }
}
