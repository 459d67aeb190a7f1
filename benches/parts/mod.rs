//! The pure parts of a session, each as one repeatable step: for criterion (`pure.rs`), which
//! measures time, and for `instructions.rs`, which is counted under callgrind, with the same result
//! on a busy machine. Names are stable: results are compared across commits by them.
//!
//! No socket, no executor, no crypto. The set-up of a step is not measured.

mod session;

use bytes::Bytes;
use sshard::config::{self, Layers};
use sshard::message::{Dialect, Exit, Frame, Incoming, MessageProcessor, ServerMessage};
use std::hint::black_box;
use std::io::Write;

/// Name, and the constructor of the step: parts that do not run are not set up.
type Part = (&'static str, fn() -> Step);

/// One repetition.
pub(crate) type Step = Box<dyn FnMut()>;

/// Size of one piece of bulk input or output.
const CHUNK: usize = 32 * 1024;

const AUTH: &[u8] = br#"{"type":"auth","username":"alice","password":"correct horse","term":"xterm-256color","cols":120,"rows":40,"env":{"LANG":"C.UTF-8"}}"#;

/// Every part.
pub(crate) const PARTS: &[Part] = &[
    ("message/decode auth", decode_auth),
    ("message/decode keystroke", || {
        decode(Dialect::V1, binary(1))
    }),
    ("message/decode 32 KiB", || {
        decode(Dialect::V1, binary(CHUNK))
    }),
    ("message/decode resize", || {
        decode(
            Dialect::V1,
            text(br#"{"type":"resize","cols":120,"rows":40}"#),
        )
    }),
    ("message/decode ack", || {
        decode(Dialect::V1, text(br#"{"type":"ack","bytes":1048576}"#))
    }),
    ("message/decode compat keystroke", || {
        decode(Dialect::Compatible, text(b"x"))
    }),
    ("message/decode compat resize", || {
        decode(
            Dialect::Compatible,
            text(br#"{"action":"resize","cols":120,"rows":40}"#),
        )
    }),
    ("message/encode hello", || {
        encode(ServerMessage::hello(30_000, 65_536))
    }),
    ("message/encode input_ack", || {
        encode(ServerMessage::InputAck { bytes: 1_048_576 })
    }),
    ("message/encode exit", || {
        encode(ServerMessage::Exit(Exit {
            status: Some(0),
            ..Exit::default()
        }))
    }),
    ("state/new to active", session::new_to_active),
    ("state/keystroke and echo", session::state_keystroke),
    ("state/32 KiB of output", session::state_output),
    ("state/32 KiB of output and its ack", session::state_acked),
    ("downlink/keystroke", || session::downlink(1)),
    ("downlink/32 KiB", || session::downlink(CHUNK)),
    ("pump/keystroke and echo", || session::pump(1, 1)),
    ("pump/32 KiB of output", || session::pump(0, CHUNK)),
    ("pump/32 KiB of input", || session::pump(CHUNK, 0)),
    ("config/defaults", || load(Layers::default())),
    ("config/file", load_file),
];

fn text(bytes: &'static [u8]) -> Frame {
    Frame::Text(Bytes::from_static(bytes))
}

fn binary(size: usize) -> Frame {
    Frame::Binary(Bytes::from(vec![b'x'; size]))
}

/// Returns a processor that has decoded the dialect's `auth`, and the message.
fn logged_in(dialect: Dialect) -> (MessageProcessor, Incoming) {
    let mut processor = MessageProcessor::new(dialect);
    let auth = match dialect {
        Dialect::V1 => AUTH,
        Dialect::Compatible => br#"{"username":"alice","password":"correct horse"}"#,
    };
    let incoming = processor.decode(text(auth)).unwrap();
    (processor, incoming)
}

fn decode_auth() -> Step {
    Box::new(|| {
        // Owned, as from a socket: it is zeroised afterwards.
        let frame = Frame::Text(Bytes::from(AUTH.to_vec()));
        let incoming = MessageProcessor::new(Dialect::V1).decode(black_box(frame));
        assert!(matches!(black_box(incoming), Ok(Incoming::Auth(..))));
    })
}

fn decode(dialect: Dialect, frame: Frame) -> Step {
    let (mut processor, _) = logged_in(dialect);
    Box::new(move || {
        // Another handle to the same bytes.
        let again = match &frame {
            Frame::Text(bytes) => Frame::Text(bytes.clone()),
            Frame::Binary(bytes) => Frame::Binary(bytes.clone()),
        };
        let incoming = processor.decode(black_box(again));
        assert!(black_box(incoming).is_ok());
    })
}

fn encode(message: ServerMessage) -> Step {
    let processor = MessageProcessor::new(Dialect::V1);
    Box::new(move || {
        let text = processor.encode(black_box(&message));
        assert!(black_box(text).is_some());
    })
}

fn load(layers: Layers) -> Step {
    Box::new(move || assert!(black_box(config::load(black_box(&layers))).is_ok()))
}

/// A file of an ordinary length, read from the page cache, and two `--set` on top.
fn load_file() -> Step {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"[server]\nlisten = [\"127.0.0.1:8022\"]\nshards = 2\n\
          [limits]\nmax_connections = 5000\nmax_connections_per_host = 100\n\
          [targets]\nallow = [\"10.0.0.0/8:22\", \"*.example.org:22\", \"db.example.net:2222\"]\n\
          [ssh]\nhost_key_policy = \"strict\"\nkeepalive_interval = \"30s\"\n\
          [log]\nlevel = \"warn\"\n",
    )
    .unwrap();
    let layers = Layers {
        file: Some(file.path().to_owned()),
        set: vec![
            "session.idle_timeout=30m".to_owned(),
            "compat.enabled=false".to_owned(),
        ],
        ..Layers::default()
    };
    let mut step = load(layers);
    Box::new(move || {
        // The file lives as long as the step.
        let _ = &file;
        step();
    })
}
