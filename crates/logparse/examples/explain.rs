//! Reads a line, says where a broken one stops, and writes what was read:
//! `cargo run --example explain`.
#![allow(clippy::print_stdout)]

use logparse::ParseError;

fn main() -> Result<(), ParseError> {
    let line = b"kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=4";
    let entry = logparse::parse(line)?;
    println!("{:#?}", entry.packet);
    if let Some(error) = entry.error {
        println!("{}", error.render(line));
    }
    println!("as the kernel writes it: {}", entry.packet);
    Ok(())
}
