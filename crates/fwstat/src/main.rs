//! The program: hands the arguments to the library and its exit code to the shell.
fn main() -> std::process::ExitCode {
    fwstat::main()
}
