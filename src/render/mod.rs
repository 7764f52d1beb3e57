//! A template and its inputs become messages.
