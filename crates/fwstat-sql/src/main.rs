//! `fwstat-sql`, which `fwstat sql` runs.

fn main() -> std::process::ExitCode {
    fwstat_sql::main()
}
