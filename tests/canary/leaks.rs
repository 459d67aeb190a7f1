//! Searches the bridge's output for the secrets of its sessions.

use crate::common::fixture::path_to;
use crate::common::{Admin, Bridge, Client, DEADLINE, Event, Options, account};
use crate::common::{KeyPair, Login, Received, Round, ScriptedSsh, SshScript};
use crate::end_kinds::{EndKind, Targets};
use crate::search::found;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;

const USER: &str = "canary-user-Xw41vb";
const PASSWORD: &str = "canary-pass\"word\\ Zf83kq";
const PASSPHRASE: &str = "canary-passphrase Tq95mn";
const TICKET: &str = "canary-ticket-Hb72ls";
const ANSWERS: [&str; 2] = ["canary-otp-48301975", "canary-pin-\u{fc}-61520"];
const INPUT: &str = "canary-typed-Jd60we";
const OUTPUT: &str = "canary-shown-Pc37xz";
const ENV: &str = "canary-env-value-Mn18rt";

/// The secrets that were sent, with the lines of the private key.
fn secrets(key: &KeyPair) -> Vec<String> {
    let fixed = [PASSWORD, PASSPHRASE, TICKET, INPUT, OUTPUT, ENV];
    let fixed = fixed.iter().chain(&ANSWERS).map(|s| (*s).to_owned());
    let pem = key.private_pem();
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    // The last line is too short to stand for itself.
    let lines = lines.filter(|line| line.len() >= 20).map(str::to_owned);
    fixed.chain(lines).collect()
}

struct LeakFixture {
    bridge: Bridge,
    admin: Admin,
    targets: Targets,
    asking: ScriptedSsh,
    key: KeyPair,
    directory: tempfile::TempDir,
    /// Messages to clients, and responses of the admin listener.
    emitted: String,
}

impl LeakFixture {
    fn new(format: &str) -> Self {
        let targets = Targets::start(account());
        let rounds = vec![Round::of(&[("Code: ", false), ("PIN: ", false)])];
        let asking = ScriptedSsh::start(SshScript::login(Login::PasswordAndInteractive(rounds)));
        let directory = tempfile::tempdir().unwrap();
        let known_hosts = directory.path().join("known_hosts");
        fs::write(&known_hosts, targets.known_hosts()).unwrap();
        let settings = [
            format!("{},{}", targets.allow(), asking.addr()),
            format!("ssh.known_hosts={}", known_hosts.display()),
            format!("audit.file={}", directory.path().join("audit").display()),
            format!("log.format={format}"),
            "log.level=trace".to_owned(),
            "log.messages=true".to_owned(),
            "admin.show_users=true".to_owned(),
            "targets.named=gone=does-not-exist.invalid:22".to_owned(),
            "ssh.host_key_policy=accept-new".to_owned(),
            "websocket.ping_interval=1s".to_owned(),
            "session.idle_timeout=4s".to_owned(),
            "limits.max_connections_per_host=100".to_owned(),
        ];
        let args = settings.iter().flat_map(|setting| ["--set", setting]);
        let bridge = Bridge::start(&args.collect::<Vec<_>>(), &[]);
        Self {
            admin: Admin::of(&bridge),
            bridge,
            targets,
            asking,
            key: KeyPair::generate(&["-t", "ed25519", "-a", "4"], PASSPHRASE),
            directory,
            emitted: String::new(),
        }
    }

    fn credentials(&self) -> Value {
        json!({
            "username": USER, "password": PASSWORD, "ticket": TICKET,
            "private_key": self.key.private_pem(), "passphrase": PASSPHRASE,
            "env": { "TOKEN": ENV },
        })
    }

    fn record(&mut self, what: &str) {
        self.emitted.push_str(what);
        self.emitted.push('\n');
    }

    /// Records all events of a client to its end.
    fn drain(&mut self, client: &mut Client) {
        loop {
            let event = client.recv();
            self.record(&format!("{event:?}"));
            if matches!(event, Event::Reset) {
                return;
            }
        }
    }

    /// Runs a session to each kind of end but the panic, which needs a bridge in the test's own
    /// process.
    fn run_every_end(&self) {
        let credentials = self.credentials();
        std::thread::scope(|scope| {
            for kind in EndKind::ALL
                .into_iter()
                .filter(|kind| *kind != EndKind::Panic)
            {
                let credentials = &credentials;
                scope.spawn(move || {
                    let mut fields = credentials.clone();
                    // These need a login that succeeds.
                    if matches!(kind, EndKind::RemoteExit | EndKind::RemoteKilled) {
                        fields.as_object_mut().unwrap().remove("passphrase");
                    }
                    let bridge = self.bridge.addr();
                    let stays = self.targets.run_to_end(kind, &fields, bridge, &self.admin);
                    if stays.is_some() {
                        self.bridge.wait_stderr("no-pong", DEADLINE);
                    }
                });
            }
        });
    }

    /// Runs a session with prompts, input and output, and reads all pages of the admin listener
    /// meanwhile.
    fn whole_session(&mut self) {
        let path = path_to(self.asking.addr());
        let mut client = Client::connect(self.bridge.addr(), &path, &Options::v1());
        client.auth_v1(&self.credentials());
        let id = client.wait_type("prompt")["id"].clone();
        client.send_json(&json!({ "type": "answer", "id": id, "answers": ANSWERS }));
        client.wait_type("ready");
        let answers = ANSWERS.map(str::to_owned).to_vec();
        self.asking.wait_received(&Received::Answers(answers));
        let login = Received::Password(USER.to_owned(), PASSWORD.to_owned());
        self.asking.wait_received(&login);
        client.send_binary(INPUT.as_bytes());
        self.asking.wait_input(INPUT.len());
        self.asking.output(OUTPUT.as_bytes());
        client.output_until(OUTPUT);
        for path in ["/metrics", "/stats", "/api/v1/sessions", "/api/v1/config"] {
            let answer = self.admin.get(path);
            assert_eq!(answer.status, 200, "{path}");
            self.record(&answer.body);
        }
        self.asking.exit(0);
        client.until_close();
        // Answers to no question, and more answers than prompts.
        for answers in [json!(ANSWERS), json!([ANSWERS[0], ANSWERS[1], "x"])] {
            let mut client = Client::connect(self.bridge.addr(), &path, &Options::v1());
            client.auth_v1(&self.credentials());
            let id = client.wait_type("prompt")["id"].clone();
            let id = if answers == json!(ANSWERS) {
                json!(77)
            } else {
                id
            };
            client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
            self.drain(&mut client);
        }
    }

    /// Sends invalid messages with secrets in them.
    fn bad_messages(&mut self) {
        let path = path_to(self.targets.shell.addr());
        let mut wrong = self.credentials();
        wrong["type"] = "auth".into();
        let whole = wrong.to_string();
        let mut texts = vec![
            whole[..whole.len() - 1].to_owned(),
            format!("{whole}{whole}"),
            whole.replace("\"auth\"", &format!("{:?}", PASSPHRASE)),
        ];
        for (field, value) in [
            ("cols", json!("wide")),
            ("password", json!([PASSWORD])),
            ("private_key", json!({ "x": PASSPHRASE })),
            ("passphrase", json!(PASSPHRASE.repeat(60))),
            ("env", json!({ "1": ENV })),
            ("username", json!("a\nb")),
        ] {
            let mut wrong = wrong.clone();
            wrong[field] = value;
            texts.push(wrong.to_string());
        }
        for text in &texts {
            for options in [Options::v1(), Options::compatible()] {
                let mut client = Client::connect(self.bridge.addr(), &path, &options);
                client.send_text(text);
                // The compatible dialect accepts some of them.
                let _ = client.try_send(tungstenite::Message::Close(None));
                self.drain(&mut client);
            }
        }
        // A wrong passphrase, and a URL that carries a secret.
        let mut wrong = self.credentials();
        wrong["passphrase"] = PASSWORD.into();
        let mut client = Client::connect(self.bridge.addr(), &path, &Options::v1());
        client.auth_v1(&wrong);
        self.drain(&mut client);
        let with_ticket = format!("{path}?ticket={TICKET}");
        for path in [with_ticket, format!("/ws/{TICKET}%00/22")] {
            let refused = Client::try_connect(self.bridge.addr(), &path, &Options::v1());
            let refused = refused.err().unwrap();
            self.record(&refused.body);
        }
    }

    /// Ends the bridge, and returns all that is to be searched, by name, and the secrets.
    fn end(mut self) -> (Vec<(&'static str, String)>, Vec<String>) {
        let of_process = |name: &str| {
            let path = format!("/proc/{}/{name}", self.bridge.pid());
            String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
        };
        let mut all = vec![
            ("arguments", of_process("cmdline")),
            ("environment", of_process("environ")),
        ];
        self.bridge.signal(Signal::TERM);
        assert_eq!(self.bridge.wait_exit(DEADLINE).code(), Some(0));
        all.push(("log", self.bridge.whole_stderr()));
        all.push(("stdout", self.bridge.stdout()));
        let audit = self.directory.path().join("audit");
        all.push(("audit log", fs::read_to_string(audit).unwrap()));
        all.push(("answers", self.emitted));
        (all, secrets(&self.key))
    }
}

/// Also checks the search itself: the user's name is found where it may be.
#[test]
fn no_secret_is_in_any_output() {
    for format in ["text", "json"] {
        let mut fixture = LeakFixture::new(format);
        fixture.whole_session();
        fixture.bad_messages();
        fixture.run_every_end();
        let admin = fixture.admin.clone();
        admin.wait_sessions(0);
        let metrics = admin.get("/metrics").body;
        fixture.record(&metrics);
        let (outputs, secrets) = fixture.end();
        for (output, text) in &outputs {
            let may_be_empty = *output == "environment";
            assert!(may_be_empty || !text.is_empty(), "{output} is empty");
            for secret in &secrets {
                let forms = found(text, secret);
                let about = format!("{format}: {secret} as {forms:?} in the {output}");
                assert!(forms.is_empty(), "{about}");
            }
        }
        let output = |name: &str| {
            &outputs
                .iter()
                .find(|(output, _)| *output == name)
                .unwrap()
                .1
        };
        assert_eq!(found(output("audit log"), USER)[..1], ["plain"]);
        assert_eq!(found(output("answers"), USER)[..1], ["plain"]);
        assert!(found(output("log"), USER).is_empty());
        for word in ["session ended", "sshard::messages"] {
            assert!(output("log").contains(word), "{word} is not in the log");
        }
    }
}

/// No core dump, to a file or to a program, unless that is allowed; `server::machine` tests that
/// the process cannot be traced.
#[test]
fn core_dumps_are_off_unless_allowed() {
    let limit = |process: &str| {
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits.lines().find(|l| l.starts_with("Max core file size"));
        let words = line.unwrap().split_whitespace().map(str::to_owned);
        words.skip(4).take(2).collect::<Vec<_>>()
    };
    let of_bridge = |more: &str| {
        let bridge = Bridge::serve(&format!("--allow 127.0.0.1:22 --shards 1 {more}"));
        limit(&bridge.pid().to_string())
    };
    assert_eq!(of_bridge(""), ["0", "0"]);
    assert_eq!(of_bridge("--set server.core_dumps=true"), limit("self"));
}

/// A secret in the configuration would be in the arguments, the environment, or what is printed:
/// settings hold the names of files with secrets, never secrets.
#[test]
fn no_setting_takes_a_secret() {
    let words = ["password", "passphrase", "secret", "token"];
    let words = [&words[..], &["credential", "private", "hmac"]].concat();
    let mut files = 0;
    for key in sshard::config::KEYS {
        let (_, name) = key.split_once('.').unwrap();
        if words.iter().any(|word| name.contains(word)) || name.ends_with("key") {
            let is_file = name.ends_with("_file");
            assert!(is_file, "{key} looks as if it took a secret");
            files += 1;
        }
    }
    assert!(files > 0, "not even admin.token_file");
    let help = crate::common::run(&["serve", "--help"], &[]).stdout;
    for word in words {
        let flag = format!("--{word}");
        let takes = |l: &&str| l.contains(&flag) && !l.contains("-file");
        assert_eq!(help.lines().find(takes), None);
    }
}
