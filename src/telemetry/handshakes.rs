//! Causes of connections that ended before their HTTP request, in words that metrics keep.

use crate::words::words;

words! {
    /// Cause of a connection's end before its HTTP request.
    pub enum HandshakeFailure {
        /// `server.max_handshakes` were in progress, and its client had the most.
        Full = "full",
        /// The peer is not one that may speak the PROXY protocol.
        UntrustedPeer = "untrusted-peer",
        /// No PROXY protocol header, or a broken one.
        ProxyHeader = "proxy-header",
        /// The TLS handshake failed, or the client spoke no TLS.
        Tls = "tls",
        /// The deadline of the handshake passed.
        Timeout = "timeout",
    }
}
