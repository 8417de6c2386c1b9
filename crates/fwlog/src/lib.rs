//! Linux firewall logs as typed records, read on all cores.
//!
//! The way of the data, which is also the order of the modules: bytes ([`input`]) → lines →
//! packets ([`pipeline`], on the parser `logparse`) → [`record`]s with their [`time`] →
//! [`filter`] → [`aggregate`].

pub mod aggregate;
pub mod filter;
pub mod input;
pub mod pipeline;
pub mod record;
pub mod services;
pub mod text;
pub mod time;
