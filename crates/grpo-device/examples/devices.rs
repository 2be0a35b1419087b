//! Lists the devices of this build and machine: `cargo run --release -p grpo-device --example devices`.

fn main() {
    for line in grpo_device::available() {
        println!("{:<10} {:<13} {}", line.name, line.state, line.description);
    }
}
