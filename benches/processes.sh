# Processes that a bench starts, and their folder: both are gone when it ends. Sourced by the benches that start some.
scratch=$(mktemp -d)
pids=()
end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    pids=()
    wait 2>/dev/null || true
}
trap 'end; rm -rf "$scratch"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
