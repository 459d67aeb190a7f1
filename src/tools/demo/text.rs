//! Text that the demo prints for the person at the terminal. It holds the passwords.

use super::ssh_server::{LINK_LIFE, USER};
use super::{Access, Program, TARGET};
use std::time::Duration;

/// Shows the reason that the bridge gave for the end, in place of websocat's log.
const CLOSE_REASON: &str =
    r#"s/.*status_code: \([0-9]*\), reason: "\(.*\)" .*/\r\n[closed: \1 \2]\r/;t;/^\[/d;s/$/\r/"#;

pub(super) fn how_to_connect(
    access: &Access,
    program: &Program,
    lifetime: Option<Duration>,
) -> String {
    let Access {
        address,
        prefix,
        password,
        link,
    } = access;
    let minutes = LINK_LIFE.as_secs() / 60;
    let browser = match link {
        Some(link) => format!(
            "In a browser       {link}\n\
             \x20                  (logs in once, within {minutes} minutes; after that\n\
             \x20                  http://{address}{prefix}/?target={TARGET} asks for user and password)\n"
        ),
        None => "In a browser       nothing: this build has no page, or web.enabled is off; with Node 20\n\
                 \x20                  or newer and npm, `make demo` builds it\n"
            .to_owned(),
    };
    let url = format!("ws://{address}{prefix}/ws/{TARGET}");
    let end = lifetime.map(humantime::format_duration);
    let end = end.map_or_else(String::new, |time| format!("It ends by itself in {time}. "));
    format!(
        "\n\
         {browser}\
         A terminal is at   {url}\n\
         user               {USER}\n\
         password           {password}\n\
         \n\
         With websocat, in another terminal (`exit` ends it):\n\
         \n\
         {}\n\
         \n\
         {}\n\
         {end}Ctrl-C here stops the demo.\n",
        websocat(&url, password),
        who_can_reach_it(program),
    )
}

/// A line for the shells of POSIX with job control. The password is an argument of a builtin, which
/// no list of processes shows; the blank in front keeps it out of the history of shells that are so
/// set up. What ends websocat ends the whole line: `cat` would wait for one more key otherwise.
fn websocat(url: &str, password: &str) -> String {
    let credentials = format!(r#"{{"username":"{USER}","password":"{password}"}}"#);
    format!(
        " stty raw -echo; (printf '%s' '{credentials}'; exec cat) | \
         (RUST_LOG=websocat::ws_peer=debug websocat -bE {url} 2>&1 >/dev/tty | \
         sed '{CLOSE_REASON}'; kill -s PIPE 0); stty sane"
    )
}

fn who_can_reach_it(program: &Program) -> String {
    format!(
        "Who can reach it: only programs on this machine, and of them whoever has the link\n\
         or the password; they get {} as {}.",
        program.path.display(),
        program.user
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn without_a_page_it_prints_no_link_and_says_how_to_get_one() {
        let access = Access {
            address: "127.0.0.1:8022".parse().unwrap(),
            prefix: "/term".to_owned(),
            password: "secret".to_owned(),
            link: None,
        };
        let program = Program::choose(Some(Path::new("/bin/sh")), []).unwrap();
        let text = how_to_connect(&access, &program, None);
        assert!(!text.contains("#login"), "{text}");
        assert!(text.contains("with Node 20"), "{text}");
        assert!(text.contains("/bin/sh as "), "{text}");
    }
}
