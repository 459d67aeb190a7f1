//! A running `sshard demo`, and clients that use the printed login.

use super::{Bridge, Client, DEADLINE, Options};

pub(crate) const LAST_LINE: &str = "Ctrl-C here stops the demo.\n";

/// Shell that reads no file of the user and has a known prompt.
pub(crate) const SHELL: &[&str] = &["--shell", "/bin/sh"];
pub(crate) const ENV: &[(&str, &str)] = &[("PS1", "demo$ "), ("ENV", "")];

pub(crate) struct Demo {
    pub(crate) bridge: Bridge,
    pub(crate) text: String,
}

impl Demo {
    pub(crate) fn start(more: &[&str], env: &[(&str, &str)]) -> Self {
        let args = [&["demo", "--listen", "127.0.0.1:0"][..], more].concat();
        let bridge = Bridge::command(&args, env);
        bridge.wait_stdout(LAST_LINE, DEADLINE);
        let text = bridge.stdout();
        Self { bridge, text }
    }

    /// Starts a demo with a shell for tests.
    pub(crate) fn plain(more: &[&str]) -> Self {
        Self::start(&[SHELL, more].concat(), ENV)
    }

    /// Returns the text printed behind this name.
    pub(crate) fn printed(&self, name: &str) -> &str {
        let mut lines = self.text.lines();
        let found = lines.find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no {name:?}: {}", self.text))
            .trim()
    }

    /// Connects a client with the printed login.
    pub(crate) fn login(&self) -> Client {
        let url = self.printed("A terminal is at");
        let path = url.strip_prefix(&format!("ws://{}", self.bridge.addr()));
        let path = path.unwrap_or_else(|| panic!("{url}"));
        let mut client = Client::connect(self.bridge.addr(), path, &Options::v1());
        client.login_v1(self.printed("user"), self.printed("password"));
        client
    }
}
