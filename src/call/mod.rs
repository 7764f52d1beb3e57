//! Providers: encode, pace, send, retry, decode.
