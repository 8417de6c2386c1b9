//! The whole program, from outside: what is typed, what comes out, which exit code.
//!
//! Every answer is checked against an independent one: `awk`, a reading of our own, or the
//! program itself with other threads and chunks.

mod check;
mod envelopes;
mod inputs;
mod profiles;
mod suggest;
mod support;
mod top;
