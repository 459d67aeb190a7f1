//! `sshard demo --open`.

use crate::common::demo::SHELL;
use crate::common::{Client, DEADLINE, Demo, Options, poll, wait_until};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;

/// A script in place of the browser writes down its arguments and the file that it gets.
#[test]
fn open_passes_the_link_to_the_browser_outside_of_its_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let browser = directory.path().join("browser");
    let seen = directory.path().join("seen");
    let script = format!(
        "#!/bin/sh\n{{ echo \"$@\"; cat \"$1\"; }} > {0}.part; mv {0}.part {0}\n",
        seen.display()
    );
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = directory.path().to_str().unwrap();
    let browser = ("BROWSER", browser.to_str().unwrap());
    let env = [browser, ("HOME", home), ("SHELL", "/bin/sh")];
    let demo = Demo::start(&["--open"], &env);
    let seen = poll(DEADLINE, || std::fs::read_to_string(&seen).ok()).unwrap();
    let (arguments, page) = seen.split_once('\n').unwrap();
    let link = demo.printed("In a browser");
    assert!(page.contains(&format!("url={link}\"")), "{seen}");
    let file = std::path::Path::new(arguments);
    assert_eq!(file.parent(), Some(directory.path()), "{arguments}");
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can read it");
    let (_, login) = link.split_once("#login=").unwrap();
    let login = Base64UrlUnpadded::decode_vec(login).unwrap();
    let login: serde_json::Value = serde_json::from_slice(&login).unwrap();
    let mut client = Client::connect(demo.bridge.addr(), "/ws/demo", &Options::v1());
    client.login_v1("demo", login["password"].as_str().unwrap());
    let gone = poll(DEADLINE, || (!file.exists()).then_some(()));
    assert!(gone.is_some(), "the file stays");
}

/// xdg-open may run as long as the browser that it starts.
#[test]
fn a_browser_that_runs_on_does_not_keep_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let opener = directory.path().join("xdg-open");
    let seen = directory.path().join("seen");
    let script = format!("#!/bin/sh\ntouch {}\nexec sleep 60\n", seen.display());
    std::fs::write(&opener, script).unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let mut demo = Demo::start(
        &[SHELL, &["--open"]].concat(),
        &[("PATH", &path), ("BROWSER", "")],
    );
    wait_until("it is asked to open the link", || seen.exists());
    demo.bridge.signal(Signal::INT);
    assert_eq!(demo.bridge.wait_exit(DEADLINE).code(), Some(0));
}

#[test]
fn without_a_browser_open_warns_and_the_demo_runs() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    let demo = Demo::start(
        &[SHELL, &["--open"]].concat(),
        &[("PATH", path), ("BROWSER", "")],
    );
    demo.bridge.wait_stderr(
        "xdg-open, which knows the desktop's browser, is not installed",
        DEADLINE,
    );
    demo.login();
}
