//! Causes of connections that ended before their HTTP request, in words that metrics keep.

/// Cause of a connection's end before its HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// `server.max_handshakes` were in progress, and its client had the most.
    Full,
    /// The peer is not one that may speak the PROXY protocol.
    UntrustedPeer,
    /// No PROXY protocol header, or a broken one.
    ProxyHeader,
    /// The TLS handshake failed, or the client spoke no TLS.
    Tls,
    /// The deadline of the handshake passed.
    Timeout,
}

impl HandshakeFailure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Full,
        Self::UntrustedPeer,
        Self::ProxyHeader,
        Self::Tls,
        Self::Timeout,
    ];

    /// Word in metrics and statistics; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::UntrustedPeer => "proxy-stranger",
            Self::ProxyHeader => "proxy-header",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
        }
    }
}
