//! How fast rewards outside this program are, with the Python examples of `docs/examples/python-rewards`:
//!
//! ```sh
//! cargo run --release -p grpo-rewards --features http --example external_throughput
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use grpo_rewards::external::{ChildProcess, HttpService};
use grpo_rewards::{Reward, RewardKind, RewardSpec, Sample};

fn main() -> Result<(), Box<dyn Error>> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/python-rewards");
    let script = |name: &str| scripts.join(name).display().to_string();
    println!("{:<34} {:>12} {:>14}", "", "samples/s", "ms per request");

    for batch_size in [1, 64, 512] {
        let process = ChildProcess { batch_size, ..ChildProcess::new(["python3", &script("reward.py")]) };
        measure(&format!("process, {batch_size} per request"), process.into(), batch_size)?;
    }

    let mut server =
        Command::new("python3").args([&script("judge_server.py"), "0"]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let url = line.trim().strip_prefix("listening on ").ok_or("no address")?;
    for (batch_size, parallel) in [(1, 1), (64, 1), (64, 4), (512, 1)] {
        let service = HttpService { batch_size, parallel, ..HttpService::new(url) };
        measure(
            &format!("http, {batch_size} per request, {parallel} at a time"),
            service.into(),
            batch_size,
        )?;
    }
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// Scores completions of a hundred words for about a second.
fn measure(name: &str, kind: RewardKind, batch_size: usize) -> Result<(), Box<dyn Error>> {
    let completion = format!("{}\n#### 42", "so it is ".repeat(33));
    let samples = vec![Sample::new("6 * 7?", &completion).with_reference("42"); batch_size * 20];
    let reward = RewardSpec::new(kind).build()?;
    let first = reward.score_batch(&samples);
    if let Some(outcome) = first.iter().find(|outcome| outcome.value().is_none()) {
        return Err(outcome.reason().into());
    }
    let (started, mut scored) = (Instant::now(), 0);
    while started.elapsed().as_secs_f64() < 1.0 {
        scored += reward.score_batch(&samples).len();
    }
    let seconds = started.elapsed().as_secs_f64();
    let requests = (scored / batch_size) as f64;
    println!("{name:<34} {:>12.0} {:>14.3}", scored as f64 / seconds, seconds * 1e3 / requests);
    Ok(())
}
