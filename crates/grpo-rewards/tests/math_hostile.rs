//! Completions made to hurt the math verifier: all are scored or refused, quickly and without a panic.

use std::time::{Duration, Instant};

use grpo_rewards::math::{MathAnswer, Place, equal, find_answer, parse_answer};
use grpo_rewards::{Reward, RewardSpec, Sample};

/// The target is 10 ms for a megabyte in a release build on an idle core; tests run unoptimised too and beside others.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 250 });
const MEGABYTE: usize = 1 << 20;

const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\{",
    "\\}",
    "|",
    "\\left(",
    "\\right)",
    "\\boxed{",
    "\\boxed{1}",
    "\\boxed{1} ",
    "\\boxed{\\boxed{1}}",
    "\\fbox{1},",
    "\\frac",
    "\\frac{",
    "\\frac{1}{",
    "\\frac12",
    "\\sqrt",
    "\\sqrt{",
    "\\sqrt[",
    "\\binom",
    "\\text{",
    "\\text{a}",
    "\\begin{pmatrix}",
    "\\begin{",
    "\\\\",
    "&",
    "\\",
    "\\overline{",
    "\\sin",
    "\\sin^",
    "\\log_",
    "\\cup",
    "\\pm",
    "####",
    "#### 1\n",
    "$",
    "$$",
    "$1",
    "$1$",
    "$ ",
    "$1$ and ",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\(1\\)",
    "answer",
    "answer is ",
    "answer: ",
    "Answer:\n",
    "answer is 1. ",
    "the answer is $1$ ",
    "<answer>",
    "</answer>",
    "<answer>1",
    "ans",
    "a",
    "A",
    "ANSWER",
    "9",
    "1,",
    "1,000",
    ".",
    "1.",
    "-",
    "+",
    "1+",
    "^",
    "10^",
    "x^",
    "!",
    "9!",
    "1e9",
    "e",
    "i",
    "x",
    "xy",
    "%",
    "=",
    "x=",
    "<",
    "x<",
    "_",
    "x_",
    "*",
    "**",
    "\0",
    "1\0",
    "\u{202e}",
    "1\u{202e}",
    "½",
    "²",
    "√",
    "π",
    " ",
    "\n",
    "\n\n",
    "1\n",
    "~",
    "é",
    "漢",
    "\u{1f600}",
    "'",
    "\"",
    "and ",
    "1 and ",
    "1, ",
    "1 or ",
    ":",
    "1:",
    "\r\n",
    "#",
    "because ",
    " (",
    "is ",
    "https://a.b/c?d=e ",
];

/// How long something takes. What seems to take long is timed three times, because others use the machine.
fn timed<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut once = || {
        let started = Instant::now();
        std::hint::black_box(run());
        started.elapsed()
    };
    let first = once();
    if first < Duration::from_millis(3) { first } else { first.min(once()).min(once()) }
}

fn verifier(place: Place) -> Box<dyn Reward> {
    RewardSpec::new(MathAnswer { order: vec![place], ..MathAnswer::default() }).build().unwrap()
}

const PLACES: [Place; 6] =
    [Place::Hash, Place::Boxed, Place::Phrase, Place::LastFormula, Place::LastNumber, Place::Last];

fn texts(size: usize) -> impl Iterator<Item = String> {
    PIECES.iter().flat_map(move |piece| {
        let filled = piece.repeat(size / piece.len());
        [
            format!("#### {filled}"),
            format!("\\boxed{{{filled}}}"),
            format!("The answer is {filled}"),
            format!("${filled}$"),
            format!("{filled} 42"),
            filled,
        ]
    })
}

#[test]
fn a_megabyte_of_anything_is_scored_in_time() {
    let verifiers = PLACES.map(verifier);
    let mut worst = (Duration::ZERO, String::new());
    for text in texts(if cfg!(debug_assertions) { MEGABYTE / 16 } else { MEGABYTE }) {
        for (place, verifier) in PLACES.iter().zip(&verifiers) {
            let sample = Sample::new("", &text).with_reference("x^2 + 1");
            let took = timed(|| verifier.score(&sample));
            assert!(verifier.score(&sample).unwrap().reason.len() < 500);
            let shown = format!("{place:?} of {:?}", text.chars().take(30).collect::<String>());
            assert!(took < LIMIT, "{took:?} for {shown}");
            if took > worst.0 {
                worst = (took, shown);
            }
        }
    }
    println!("at most {:?} for a megabyte: {}", worst.0, worst.1);
}

/// Ten times the text takes about ten times as long: a quadratic rule would take a hundred times.
#[test]
fn time_grows_with_the_text() {
    let size = MEGABYTE / 10;
    for (short, long) in texts(size / 10).zip(texts(size)) {
        for place in PLACES {
            let [short_time, long_time] = [&short, &long].map(|text| {
                let times = (0..5).map(|_| timed(|| find_answer(text, &[place]).is_some()));
                times.min().unwrap_or_default()
            });
            // 20 times and two milliseconds: room for a busy machine, none for a factor of 100.
            let allowed =
                short_time * 20 + Duration::from_millis(if cfg!(debug_assertions) { 20 } else { 2 });
            let shown: String = long.chars().take(30).collect();
            assert!(long_time < allowed, "{place:?} of {shown:?}: {short_time:?}, then {long_time:?}");
        }
    }
}

/// Answers within the length that are as expensive as possible to read and to compare.
fn dense() -> Vec<String> {
    let mut answers: Vec<String> = PIECES.iter().map(|piece| piece.repeat(1000 / piece.len())).collect();
    answers.extend(PIECES.iter().map(|piece| format!("{}1", piece.repeat(30))));
    for (open, close) in
        [("(", ")"), ("{", "}"), ("\\sqrt{", "}"), ("\\{", "\\}"), ("\\frac{1}{", "}"), ("|", "|")]
    {
        for depth in [8, 16, 31, 32, 33, 60] {
            answers.push(format!("{}x{}", open.repeat(depth), close.repeat(depth)));
        }
    }
    let list =
        |items: usize, item: &dyn Fn(usize) -> String| (0..items).map(item).collect::<Vec<_>>().join(", ");
    answers.extend(
        [
            "10^10^10",
            "9^9^9^9",
            "9^{9^{9^9}}",
            "(10^{10})!",
            "9999999!",
            "170!^{170}",
            "((((9!)!)!)!)!",
            "2^{-2147483648}",
            "x^{9999999999}",
            "(x+1)^{64}",
            "(x+y+z+1)^{60}",
            "(a+b+c+d+f+g+h+k)^{9}",
            "(\\sqrt2+\\sqrt3+\\sqrt5+\\sqrt7)^{60}",
            "\\sqrt{9223372036854775783}",
            "\\sqrt[64]{9223372036854775807}",
            "\\binom{1000}{500}",
            "\\binom{10^9}{5}",
            "e^{e^{e^{e^{e}}}}",
            "\\sin(10^{300})",
            "1e308*1e308",
            "1e-308/1e308",
            "0.\\overline{123456789123456789}",
            "(1+i)^{60}",
            "\\frac{1}{1-\\frac{1}{1-\\frac{1}{1-x}}}",
            "(x^{60}+1)(x^{60}-1)(y^{60}+1)",
            "\\tan(\\pi/2)",
            "\\lfloor 10^{300} \\rfloor",
            "-\\infty",
            "\\infty-\\infty",
            "0^0",
            "\\sqrt[0]{2}",
            "\\log_1 2",
            "\\ln 0",
        ]
        .map(String::from),
    );
    answers.push(list(32, &|i| format!("\\sqrt{{{i}}}+x")));
    answers.push(list(32, &|i| format!("(x+{i})^9")));
    answers.push(list(32, &|i| format!("\\sin({i}x)")));
    answers.push((1..40).map(|i| format!("(x+{i}y)")).collect());
    answers.push((1..40).map(|i| format!("\\frac{{1}}{{x+{i}}}")).collect::<Vec<_>>().join("+"));
    answers.push((1..40).map(|i| format!("\\sqrt{{{}}}", i * 1009)).collect::<Vec<_>>().join("+"));
    answers.push((b'a'..=b'z').map(char::from).map(|c| format!("{c}^{{7}}")).collect::<Vec<_>>().join("+"));
    answers.push(format!("({})^{{20}}", "9".repeat(300)));
    answers.push(format!("(x+{})^{{30}}", "9".repeat(30)));
    answers.push(format!("(\\frac{{x}}{{{}}}+\\frac{{y}}{{{}}}+1)^{{10}}", "7".repeat(60), "3".repeat(61)));
    answers
}

#[test]
fn dense_answers_are_compared_in_time() {
    let answers = dense();
    let mut worst = (Duration::ZERO, String::new());
    for answer in &answers {
        for reference in [answer.as_str(), "x", "1, 2", "\\sqrt{2}", "(0, 1)", "y = 2x"] {
            // A space more, so that the two are not the same text.
            for reference in
                [reference.to_owned(), format!("{reference} + 0"), format!("1 \\cdot {reference}")]
            {
                let took = timed(|| equal(answer, &reference));
                let shown =
                    format!("{:?} against {reference:.20}", answer.chars().take(50).collect::<String>());
                assert!(took < LIMIT, "{took:?} for {shown}");
                if took > worst.0 {
                    worst = (took, shown);
                }
            }
        }
    }
    println!("at most {:?}: {}", worst.0, worst.1);
}

/// SplitMix64: seeded, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[test]
fn random_soup_never_panics() {
    let mut random = Random(6);
    let verifier = RewardSpec::new(MathAnswer::default()).build().unwrap();
    let (mut read, mut equals, mut worst) = (0, 0, Duration::ZERO);
    for round in 0..30_000 {
        let mut text = String::new();
        for _ in 0..1 + random.below(if round % 10 == 0 { 60 } else { 12 }) {
            text.push_str(PIECES[random.below(PIECES.len())]);
            if random.below(3) == 0 {
                text.push_str(["1", "2", "x", "+", "(x+1)", "}", "{2}", ")", "\\pi"][random.below(9)]);
            }
        }
        let started = Instant::now();
        std::hint::black_box(verifier.score(&Sample::new("", &text).with_reference("x+1")));
        if parse_answer(&text).is_ok() {
            read += 1;
            let padded = format!(" {text} ");
            // What is read is never different from itself.
            let same = equal(&padded, &text);
            assert!(same != grpo_rewards::math::Comparison::Different, "{text:?}");
            equals += usize::from(same == grpo_rewards::math::Comparison::Equal);
        }
        worst = worst.max(started.elapsed());
        assert!(started.elapsed() < LIMIT, "{:?} for {text:?}", started.elapsed());
    }
    println!("{read} were read, {equals} are equal to themselves; at most {worst:?}");
    assert!(read > 1000, "the texts must not all be refused: {read} were read");
}

/// Half of what a thread of rayon has by default, in a debug build too.
#[test]
fn the_deepest_answers_need_little_stack() {
    let deepest = || {
        for (open, close) in [
            ("(", ")"),
            ("{", "}"),
            ("\\{", "\\}"),
            ("\\sqrt{", "}"),
            ("\\frac{1}{1+", "}"),
            ("|1+", "|"),
            ("\\sin(", ")"),
            ("x^{", "}"),
            ("\\frac\\frac", ""),
            ("-", ""),
            ("x^", ""),
            ("1/", ""),
        ] {
            for depth in [30, 31, 32, 63, 400] {
                std::hint::black_box(
                    parse_answer(&format!("{}x{}", open.repeat(depth), close.repeat(depth))).is_ok(),
                );
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(deepest).unwrap();
    thread.join().expect("no panic");
}
