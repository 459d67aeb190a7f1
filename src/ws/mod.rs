//! The client's WebSocket: tungstenite over a socket of the shard, with TLS or without. It checks
//! frames and their limits, and knows neither sessions nor SSH.

mod connection;
mod frames;
mod inspector;
mod socket;
mod splitter;
mod stream;
mod tls;

pub use connection::{MAX_OUTPUT_FRAME, WsConnection, WsEvent};
pub use socket::CountingSocket;
pub use stream::{ClientStream, TlsState};
pub use tls::{Tls, TlsError};
