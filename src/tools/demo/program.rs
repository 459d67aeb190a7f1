//! The program of a session, and its environment: the shell of the user who started the demo, as a
//! new login would start it, or the program of `--shell`. Starts nothing.

use rustix::fs::{Access, access};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Variables that make, cargo and the terminal of the user have set; they would be wrong in another
/// terminal.
const FOREIGN: &[&str] = &[
    "COLORTERM",
    "COLUMNS",
    "ITERM_SESSION_ID",
    "LINES",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MAKE_TERMERR",
    "MAKE_TERMOUT",
    "MFLAGS",
    "OLDPWD",
    "PWD",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "SHLVL",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "STY",
    "TERM",
    "TERMCAP",
    "TERMINFO",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "VTE_VERSION",
    "WINDOW",
    "WINDOWID",
    "WT_SESSION",
    "_",
];
/// Prefixes of such variables.
const FOREIGN_PREFIXES: &[&str] = &[
    "ALACRITTY_",
    "CARGO",
    "KITTY_",
    "KONSOLE_",
    "SSHARD_",
    "WEZTERM_",
];
/// Exceptions: variables of the user with such a prefix.
const OWN: &[&str] = &["CARGO_HOME", "CARGO_TARGET_DIR"];
/// Set by `cargo run`, beside a path for libraries of the build.
const CARGO_RUN: &str = "CARGO_MANIFEST_DIR";
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
/// Variables of the text encoding; the first that is set counts.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];
/// The page is UTF-8; this locale is in every libc.
const UTF_8: &str = "C.UTF-8";

/// Reason why the program of sessions cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("{named_by} names {}, which cannot be run: {source}; name a program with --shell", path.display())]
pub struct ProgramError {
    named_by: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Program that sessions run.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Absolute path.
    pub(super) path: PathBuf,
    /// Started as a login shell.
    pub(super) login: bool,
    /// The shell that runs commands: the program itself, or that of the user where it is none.
    pub(super) shell: PathBuf,
    /// Working directory.
    pub(super) home: PathBuf,
    /// Environment, but for what belongs to one session.
    pub(super) env: BTreeMap<OsString, OsString>,
    /// Name of the user.
    pub(super) user: String,
}

impl Program {
    /// Chooses by `--shell`, else `$SHELL`, else the account. `inherited` is the environment of
    /// this process.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub(super) fn choose(
        asked: Option<&Path>,
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ProgramError> {
        let inherited: BTreeMap<_, _> = inherited.into_iter().collect();
        let account = Account::of(rustix::process::getuid().as_raw());
        let set = |name: &str| inherited.get(OsStr::new(name)).filter(|v| !v.is_empty());
        let own_shell = || {
            let (named_by, path) = match set("SHELL") {
                Some(shell) => ("$SHELL", PathBuf::from(shell)),
                None => ("/etc/passwd", account.shell.clone()),
            };
            runnable(named_by, path)
        };
        let (path, shell, login) = match asked {
            None => {
                let shell = own_shell()?;
                (shell.clone(), shell, true)
            }
            Some(asked) => {
                let found = find(asked, set("PATH"));
                let path = runnable("--shell", found)?;
                let shell = match is_shell(&path) {
                    true => path.clone(),
                    false => own_shell().unwrap_or_else(|_| "/bin/sh".into()),
                };
                (path, shell, false)
            }
        };
        let user = set("USER").or(set("LOGNAME"));
        let user = user.map_or(account.user, |user| user.to_string_lossy().into_owned());
        let home = set("HOME").map_or(account.home, PathBuf::from);
        let mut env = without_foreign(inherited);
        env.insert("USER".into(), (&user).into());
        env.insert("LOGNAME".into(), (&user).into());
        env.insert("HOME".into(), home.clone().into());
        env.insert("SHELL".into(), shell.clone().into());
        if !LOCALE.iter().any(|name| env.contains_key(OsStr::new(name))) {
            env.insert("LANG".into(), UTF_8.into());
        }
        Ok(Self {
            path,
            login,
            shell,
            home,
            env,
            user,
        })
    }

    /// Name by which the program is started: a hyphen in front makes it a login shell.
    pub(super) fn name(&self) -> OsString {
        if !self.login {
            return self.path.clone().into();
        }
        let mut name = OsString::from("-");
        name.push(self.path.file_name().unwrap_or_default());
        name
    }
}

fn without_foreign(mut env: BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
    if env.contains_key(OsStr::new(CARGO_RUN)) {
        env.remove(OsStr::new(LIBRARY_PATH));
    }
    env.retain(|name, _| {
        let name = name.to_string_lossy();
        let foreign = FOREIGN.contains(&&*name)
            || FOREIGN_PREFIXES.iter().any(|start| name.starts_with(start));
        !foreign || OWN.contains(&&*name)
    });
    env
}

/// A name without a slash is looked for in PATH, as shells do.
fn find(asked: &Path, path: Option<&OsString>) -> PathBuf {
    if asked.as_os_str().as_encoded_bytes().contains(&b'/') {
        return asked.to_path_buf();
    }
    let directories = path.map(std::env::split_paths).into_iter().flatten();
    let mut found = directories.map(|directory| directory.join(asked));
    found
        .find(|path| can_run(path).is_ok())
        .unwrap_or_else(|| asked.to_path_buf())
}

fn runnable(named_by: &'static str, path: PathBuf) -> Result<PathBuf, ProgramError> {
    let checked = can_run(&path).and_then(|()| std::path::absolute(&path));
    checked.map_err(|source| ProgramError {
        named_by,
        path,
        source,
    })
}

fn can_run(path: &Path) -> io::Result<()> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(access(path, Access::EXEC_OK)?)
}

/// Returns whether it is one of the system's shells (shells(5)), which take `-c COMMAND`.
fn is_shell(path: &Path) -> bool {
    let shells = fs::read_to_string("/etc/shells").unwrap_or_default();
    shells.lines().any(|line| Path::new(line.trim()) == path)
}

/// User of /etc/passwd; without an entry there, `/` and `/bin/sh`.
struct Account {
    user: String,
    home: PathBuf,
    shell: PathBuf,
}

impl Account {
    fn of(uid: u32) -> Self {
        let table = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = table.lines().find_map(|line| Self::parse(line, uid));
        found.unwrap_or_else(|| Self {
            user: uid.to_string(),
            home: "/".into(),
            shell: "/bin/sh".into(),
        })
    }

    /// `name:password:uid:gid:comment:home:shell`; no shell is /bin/sh (passwd(5)).
    fn parse(line: &str, uid: u32) -> Option<Self> {
        let mut fields = line.split(':');
        let user = fields.next()?;
        let (home, shell) = match fields.nth(1)?.parse::<u32>().ok()? == uid {
            true => (fields.nth(2)?, fields.next()?),
            false => return None,
        };
        Some(Self {
            user: user.to_owned(),
            home: home.into(),
            shell: if shell.is_empty() { "/bin/sh" } else { shell }.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(asked: Option<&str>, env: &[(&str, &str)]) -> Result<Program, String> {
        let env = env.iter().map(|(name, value)| (name.into(), value.into()));
        let chosen = Program::choose(asked.map(Path::new), env);
        chosen.map_err(|error| error.to_string())
    }

    fn value<'a>(program: &'a Program, name: &str) -> Option<&'a str> {
        program.env.get(OsStr::new(name)).and_then(|v| v.to_str())
    }

    #[test]
    fn the_shell_of_the_environment_is_a_login_shell() {
        let program = choose(None, &[("SHELL", "/bin/sh"), ("HOME", "/x"), ("USER", "u")]).unwrap();
        assert_eq!(program.path, Path::new("/bin/sh"));
        assert_eq!(program.name(), "-sh");
        assert_eq!(program.home, Path::new("/x"));
        assert_eq!(
            (value(&program, "USER"), value(&program, "LOGNAME")),
            (Some("u"), Some("u"))
        );
    }

    #[test]
    fn without_an_environment_the_account_says_all() {
        let program = choose(None, &[]).unwrap();
        assert!(program.path.is_absolute());
        for name in ["HOME", "SHELL", "USER"] {
            assert!(
                value(&program, name).is_some_and(|v| !v.is_empty()),
                "{name}"
            );
        }
        assert_eq!(value(&program, "LANG"), Some(UTF_8));
    }

    #[test]
    fn a_program_is_found_in_the_path_and_is_no_login_shell() {
        let path = [("PATH", "/nonexistent:/usr/bin:/bin"), ("SHELL", "/bin/sh")];
        let program = choose(Some("env"), &path).unwrap();
        assert!(program.path.ends_with("env") && program.path.is_absolute());
        assert_eq!(program.name(), program.path);
        assert_eq!(program.shell, Path::new("/bin/sh"), "env takes no -c");
        assert_eq!(
            choose(Some("/bin/sh"), &path).unwrap().shell,
            Path::new("/bin/sh")
        );
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let plain = directory.path().join("plain");
        fs::write(&plain, "").unwrap();
        let (none, plain) = (Some("no-such-shell"), plain.to_str());
        for (asked, shell, said) in [
            (none, "/bin/sh", "--shell names no-such-shell"),
            (Some("/etc"), "/bin/sh", "it is no file"),
            (plain, "/bin/sh", "Permission denied"),
            (None, "/no/such", "$SHELL names /no/such"),
        ] {
            let error = choose(asked, &[("SHELL", shell), ("PATH", "/bin")]).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert!(error.contains("with --shell"), "{error}");
        }
    }

    #[test]
    fn what_others_have_set_is_left_out_and_the_rest_stays() {
        let gone = "TERM TMUX MAKEFLAGS CARGO CARGO_PKG_NAME SSHARD_LOG__LEVEL \
                    CARGO_MANIFEST_DIR LD_LIBRARY_PATH";
        let kept = "PATH LANG LC_TIME SSH_AUTH_SOCK CARGO_HOME EDITOR DISPLAY";
        let names = gone.split(' ').chain(kept.split(' '));
        let all: Vec<_> = names.map(|name| (name, "/bin")).collect();
        let program = choose(Some("/bin/sh"), &all).unwrap();
        for name in gone.split(' ') {
            assert_eq!(value(&program, name), None, "{name}");
        }
        for name in kept.split(' ') {
            assert_eq!(value(&program, name), Some("/bin"), "{name}");
        }
        // A library path of the user's own stays.
        let own = choose(Some("/bin/sh"), &[(LIBRARY_PATH, "/own")]).unwrap();
        assert_eq!(value(&own, LIBRARY_PATH), Some("/own"));
    }

    #[test]
    fn accounts_are_read_as_passwd_has_them() {
        let line = "me:x:1000:1000:Me,,,:/home/me:/bin/zsh";
        let account = Account::parse(line, 1000).unwrap();
        assert_eq!(
            (account.user.as_str(), account.home.to_str()),
            ("me", Some("/home/me"))
        );
        assert_eq!(account.shell, Path::new("/bin/zsh"));
        assert!(Account::parse(line, 100).is_none());
        assert_eq!(
            Account::parse("d:x:1:1::/:", 1).unwrap().shell,
            Path::new("/bin/sh")
        );
        assert!(Account::parse("broken", 1).is_none());
    }
}
