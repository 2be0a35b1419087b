//! Comparisons of math answers per second on one core, extraction from a short completion included.
//!
//! `cargo bench -p grpo-benches --bench math`; the target is 200,000 a second for ordinary answers.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grpo_rewards::math::MathAnswer;
use grpo_rewards::{Reward, RewardSpec, Sample};

/// Completions as models write them, 100 to 200 characters, with their references; the last ones are wrong.
const WORD_PROBLEMS: &[(&str, &str)] = &[
    (
        "She sold 48/2 = <<48/2=24>>24 clips in May. Altogether she sold 48+24 = <<48+24=72>>72 clips in April and May.\n#### 72",
        "72",
    ),
    (
        "Weng earns 12/60 = $0.2 per minute. Working 50 minutes, she earned 0.2 x 50 = $10 in all, before any taxes.\n#### 10",
        "10",
    ),
    (
        "The deposit is 10%, so 90% remains. The rest of the price is therefore 1,300 - 130 = $1,170 to pay.\n#### $1,170",
        "1170",
    ),
    (
        "He writes each friend 3*2 = 6 pages a week. So he writes 6*2 = 12 pages every week, that is 12*52 = 624 a year.\n#### 624",
        "He writes 12*52 = 624.\n#### 624",
    ),
    (
        "There are 80/100 * 10 = 8 more purple flowers, and 28 flowers in two colours. The answer is 35 flowers.",
        "35",
    ),
    (
        "The first house has 3/4 of a tank and the second one half, so on average they have 5/8 of it left.\n#### 0.625",
        "5/8",
    ),
    (
        "Tina makes 18 an hour for 8 hours, which is 144, and 27 an hour for the 2 hours after that.\n#### 198",
        "990",
    ),
];

const COMPETITION: &[(&str, &str)] = &[
    (
        "Since the two roots add up to $-b/a$, we divide both sides by $2$ and collect what is left. The answer is $\\boxed{\\frac{14}{3}}$.",
        "\\frac{14}{3}",
    ),
    (
        "Converting to polar coordinates, $r = 3$ and the angle lies on the axis. So we get $\\boxed{(3, \\frac{\\pi}{2})}$.",
        "\\left( 3, \\frac{\\pi}{2} \\right)",
    ),
    (
        "We simplify the radical: $\\sqrt{72} = \\sqrt{36 \\cdot 2}$, which leaves the factor $2$ inside. $\\boxed{6\\sqrt{2}}$",
        "\\sqrt{72}",
    ),
    (
        "Expanding the product and collecting like terms, we find that the polynomial is $\\boxed{x^2 + 2x + 1}$.",
        "(x+1)^2",
    ),
    (
        "The denominator must not vanish, and the root needs a number that is not negative. Domain: $\\boxed{[2, 5) \\cup (5, \\infty)}$",
        "[2,5)\\cup(5,\\infty)",
    ),
    (
        "Both conditions together leave two values of the parameter, which we check. Hence $x = \\boxed{3}$ or $x = \\boxed{-5}$.",
        "-5, 3",
    ),
    (
        "Of these statements only the second one is always true, so we choose \\boxed{\\text{(B)}} and are done with the problem.",
        "B",
    ),
    (
        "The number of ways is $\\binom{10}{3}$, and each of them is counted once, so the answer is $\\boxed{12}$.",
        "120",
    ),
];

fn per_second(criterion: &mut Criterion) {
    let reward = RewardSpec::new(MathAnswer::default()).build().expect("the default settings are valid");
    for (name, rows) in [("word_problems", WORD_PROBLEMS), ("competition", COMPETITION)] {
        let mut group = criterion.benchmark_group("math");
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (completion, reference) in rows {
                    black_box(
                        reward.score(&Sample::new("", black_box(completion)).with_reference(reference)),
                    );
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, per_second);
criterion_main!(benches);
