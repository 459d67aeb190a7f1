//! The client's WebSocket: tungstenite over a glommio socket. It knows frames
//! and their limits, nothing of sessions and nothing of SSH.

mod connection;
mod socket;

pub use connection::{MAX_OUTPUT_FRAME, WsConnection, WsEvent};
pub use socket::CountingSocket;
