//! The client's WebSocket: tungstenite over a socket of the shard, with TLS or
//! without. It knows frames and their limits, nothing of sessions and nothing
//! of SSH.

mod connection;
mod frames;
mod inspector;
mod pieces;
mod recut;
mod socket;
mod stream;
mod tls;

pub use connection::{MAX_OUTPUT_FRAME, WsConnection, WsEvent};
pub use socket::CountingSocket;
pub use stream::{ClientStream, TlsState};
pub use tls::{Tls, TlsError};
